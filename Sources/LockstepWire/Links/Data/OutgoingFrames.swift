internal import LockstepCollectives
internal import NIOCore

/// The frames that wait for the socket. Holds descriptors only: payloads stay where they are until they are sent.
struct OutgoingFrames {
    enum Source {
        case memory(UnsafeRawBufferPointer)
        case bytes([UInt8])

        var count: Int {
            switch self {
            case .memory(let memory): memory.count
            case .bytes(let bytes): bytes.count
            }
        }
    }

    private struct Frame {
        var header: FrameHeader
        let source: Source
        var headerIsSent = false
        /// Bytes of the payload.
        var sent = 0

        var rest: Int { source.count - sent }
    }

    /// TLS seals this much at a time; a piece of any other length ends in a short record.
    static let recordBytes = 16 << 10
    /// What is sealed in one go. With what TLS adds it fills a buffer of 512 KiB, NIO's next power of two.
    static let flushBytes = 31 * recordBytes
    /// Room for headers and small payloads of one go.
    static let scratchBytes = 4 * recordBytes

    private var frames = CircularBuffer<Frame>()
    /// The headers of frames out of memory whose last byte was in the pieces of the last `takeNext`.
    private(set) var ended: [FrameHeader] = []

    var isEmpty: Bool { frames.isEmpty }

    mutating func append(_ header: FrameHeader, _ source: Source) {
        precondition(Int(header.length) == source.count, "a frame's length is that of its payload")
        frames.append(Frame(header: header, source: source))
    }

    var borrowsMemory: Bool { frames.contains { if case .memory = $0.source { true } else { false } } }

    /// Whether the first frame has been begun.
    var isInsideFrame: Bool { frames.first?.headerIsSent ?? false }

    mutating func removeAll() { frames.removeAll() }

    /// Cuts up to `flushBytes` off the front in pieces of whole records, as far as there is enough: headers, small
    /// payloads and the ends of large ones are gathered in `scratch`, the rest of large ones is handed over as it lies.
    ///
    /// - Parameters:
    ///   - scratch: `scratchBytes`; nothing in it matters.
    ///   - window: what is begun and what is acknowledged is noted in it. Where an acknowledgement is due and no frame
    ///     takes it along, it goes alone.
    ///   - mayBegin: whether frames may be begun while the window is not open.
    ///   - write: takes each piece, in order. Pieces in `scratch` stay as they are until the next call of this method.
    mutating func takeNext(
        scratch: UnsafeMutableRawBufferPointer, window: inout LinkWindow, mayBegin: Bool,
        _ write: (_ piece: UnsafeRawBufferPointer, _ isScratch: Bool) -> Void
    ) {
        let record = OutgoingFrames.recordBytes
        var budget = OutgoingFrames.flushBytes
        var gathering = Gathering(scratch: scratch)
        ended.removeAll(keepingCapacity: true)
        while var frame = frames.first {
            let before = budget
            if !frame.headerIsSent {
                guard min(gathering.room, budget) >= FrameHeader.byteCount, window.isOpen || mayBegin else { break }
                window.sent(frame.header)
                frame.header.acknowledged = window.acknowledge()
                gathering.append(frame.header)
                frame.headerIsSent = true
                budget -= FrameHeader.byteCount
            }
            if case .memory(let memory) = frame.source, frame.rest >= 2 * record {
                let copied = min(gathering.toRecordEnd, budget)
                gathering.append(memory[frame.sent..<frame.sent + copied])
                budget -= copied
                let lent = min(frame.rest - copied, budget) / record * record
                if lent > 0 {
                    if let piece = gathering.takePiece() { write(piece, true) }
                    let start = frame.sent + copied
                    write(UnsafeRawBufferPointer(rebasing: memory[start..<start + lent]), false)
                    budget -= lent
                }
                frame.sent += copied + lent
            } else {
                let copied = min(frame.rest, gathering.room, budget)
                let range = frame.sent..<frame.sent + copied
                switch frame.source {
                case .memory(let memory): gathering.append(memory[range])
                case .bytes(let bytes): bytes.withUnsafeBytes { gathering.append($0[range]) }
                }
                budget -= copied
                frame.sent += copied
            }
            if frame.rest == 0 {
                if case .memory = frame.source { ended.append(frame.header.withoutAcknowledgement) }
                frames.removeFirst()
            } else {
                frames[frames.startIndex] = frame
                if budget == before { break }
            }
        }
        if !isInsideFrame, window.owesAcknowledgement, gathering.room >= FrameHeader.byteCount {
            gathering.append(
                FrameHeader(kind: .acknowledgement, acknowledged: window.acknowledge(), length: 0))
        }
        if let piece = gathering.takePiece() { write(piece, true) }
    }

    /// Pieces one behind the other in the scratch. Each begins at a multiple of a record.
    private struct Gathering {
        let scratch: UnsafeMutableRawBufferPointer
        private var piece = 0..<0

        init(scratch: UnsafeMutableRawBufferPointer) { self.scratch = scratch }

        var room: Int { scratch.count - piece.upperBound }

        /// Bytes that are missing to a whole record; 0 where none has begun.
        var toRecordEnd: Int {
            let begun = piece.upperBound % OutgoingFrames.recordBytes
            return begun == 0 ? 0 : OutgoingFrames.recordBytes - begun
        }

        mutating func append(_ header: FrameHeader) {
            header.encode(into: UnsafeMutableRawBufferPointer(rebasing: scratch[piece.upperBound...]))
            piece = piece.lowerBound..<piece.upperBound + FrameHeader.byteCount
        }

        mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
            UnsafeMutableRawBufferPointer(rebasing: scratch[piece.upperBound...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
            piece = piece.lowerBound..<piece.upperBound + bytes.count
        }

        mutating func takePiece() -> UnsafeRawBufferPointer? {
            defer { piece = piece.upperBound..<piece.upperBound }
            return piece.isEmpty ? nil : UnsafeRawBufferPointer(rebasing: scratch[piece])
        }
    }
}

extension FrameHeader {
    /// As the exchange knows it.
    var withoutAcknowledgement: FrameHeader {
        var header = self
        header.acknowledged = 0
        return header
    }
}
