package import LockstepCollectives
internal import LockstepCore
package import NIOCore
internal import NIOSSL

/// The frames of a data link: straight out of the read buffer into their place, and out of their place into the socket.
///
/// Reading never stops for lack of room, since every frame has its place; so two links cannot wait for each other.
/// Writing holds only descriptors while the socket is full: payloads stay where they are. Loop-bound.
package final class DataLinkHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    private enum Reading {
        case header
        case payload(FrameHeader, UnsafeMutableRawBufferPointer, filled: Int)
        /// The receiver does not want this frame yet.
        case held(FrameHeader)
    }

    private enum Source {
        case memory(UnsafeRawBufferPointer)
        case bytes([UInt8])
    }

    private struct Sending {
        let header: FrameHeader
        let source: Source
        var headerIsWritten = false
        var sent = 0

        var count: Int {
            switch source {
            case .memory(let memory): memory.count
            case .bytes(let bytes): bytes.count
            }
        }
    }

    /// More than this is never encrypted in one go: the next piece overlaps with the kernel's work on this one.
    private static let flushBytes = 512 << 10

    /// The name of the worker at the other end.
    package let peer: PeerName
    private let failures: TLSFailure
    private var receiver: (any FrameReceiver)?
    private var context: ChannelHandlerContext?

    private let headerBytes = UnsafeMutableRawBufferPointer.allocate(byteCount: FrameHeader.byteCount, alignment: 8)
    private var headerFill = 0
    private var reading = Reading.header
    /// What was read behind a held header.
    private var heldBytes: ByteBuffer?
    private var readIsHeld = false
    private var isReading = false

    private var scratch = ByteBuffer()
    private var queue = CircularBuffer<Sending>()
    private var isPumping = false

    /// - Parameter place: how the other end is called in errors.
    package init(peer: PeerName, place: String, receiver: any FrameReceiver) {
        self.peer = peer
        self.receiver = receiver
        failures = TLSFailure(peer: place, authority: [])
    }

    deinit { headerBytes.deallocate() }

    // MARK: Sending

    /// Sends a frame. The memory is read when the socket has room: it must stay valid and unchanged until then, which
    /// the protocol guarantees (`Exchange`), or until the link is closed.
    ///
    /// - Parameter header: its length must be that of `payload`.
    package func send(_ header: FrameHeader, payload: UnsafeRawBufferPointer) {
        enqueue(Sending(header: header, source: .memory(payload)))
    }

    /// Sends a frame whose payload the link keeps itself.
    package func send(_ header: FrameHeader, bytes: [UInt8]) {
        enqueue(Sending(header: header, source: .bytes(bytes)))
    }

    /// Asks again about the frame that the receiver held, and reads on.
    package func resume() {
        guard case .held(let header) = reading, let context else { return }
        reading = .header
        var bytes = heldBytes ?? ByteBuffer()
        heldBytes = nil
        isReading = true
        if begin(header, context) { consume(&bytes, context) }
        keepIfHeld(bytes)
        isReading = false
        pump()
        if case .held = reading { return }
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
    }

    /// Closes the link. What is queued is dropped.
    package func close() {
        guard let context else { return }
        end(context, .closed("this process closed the link to \(peer.name)"))
    }

    private func enqueue(_ sending: Sending) {
        precondition(Int(sending.header.length) == sending.count, "a frame's length is that of its payload")
        guard receiver != nil else { return }
        queue.append(sending)
        pump()
    }

    /// Writes while the socket has room. Writing can change writability, which calls this again: hence the guard.
    private func pump() {
        guard !isPumping, !isReading, let context else { return }
        isPumping = true
        while !queue.isEmpty, context.channel.isWritable {
            fillScratch()
            context.writeAndFlush(Self.wrapOutboundOut(scratch), promise: nil)
        }
        isPumping = false
    }

    private func fillScratch() {
        scratch.clear(minimumCapacity: DataLinkHandler.flushBytes)
        while scratch.readableBytes < DataLinkHandler.flushBytes, let first = queue.first {
            var sending = first
            if !sending.headerIsWritten {
                scratch.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.byteCount) { room in
                    sending.header.encode(into: room)
                    return FrameHeader.byteCount
                }
                sending.headerIsWritten = true
            }
            let count = min(sending.count - sending.sent, max(0, DataLinkHandler.flushBytes - scratch.readableBytes))
            let range = sending.sent..<sending.sent + count
            switch sending.source {
            case .memory(let memory): scratch.writeBytes(UnsafeRawBufferPointer(rebasing: memory[range]))
            case .bytes(let bytes): scratch.writeBytes(bytes[range])
            }
            sending.sent += count
            if sending.sent == sending.count {
                queue.removeFirst()
            } else {
                queue[queue.startIndex] = sending
            }
        }
    }

    // MARK: Reading

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        receiver?.linkOpened(self)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.unwrapInboundIn(data)
        if case .held = reading {
            heldBytes?.writeBuffer(&buffer)
            if heldBytes == nil { heldBytes = buffer }
            return
        }
        isReading = true
        consume(&buffer, context)
        keepIfHeld(buffer)
        isReading = false
        pump()
    }

    package func read(context: ChannelHandlerContext) {
        if case .held = reading { readIsHeld = true } else { context.read() }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump()
        context.fireChannelWritabilityChanged()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(context, failures.linkError(error, leaf: nil))
    }

    package func channelInactive(context: ChannelHandlerContext) {
        var isInside = headerFill > 0
        if case .payload = reading { isInside = true }
        end(context, .closed("\(failures.peer) closed the connection\(isInside ? " inside a frame" : "")"))
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        end(context, .closed("\(failures.peer) closed the connection"))
        self.context = nil
    }

    private func keepIfHeld(_ rest: ByteBuffer) {
        if case .held = reading, rest.readableBytes > 0 { heldBytes = rest }
    }

    private func consume(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        while receiver != nil, buffer.readableBytes > 0 {
            switch reading {
            case .held:
                return
            case .header:
                let taken = buffer.readWithUnsafeReadableBytes { bytes in
                    let count = min(FrameHeader.byteCount - headerFill, bytes.count)
                    let room = UnsafeMutableRawBufferPointer(rebasing: headerBytes[headerFill..<headerFill + count])
                    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                    return count
                }
                headerFill += taken
                guard headerFill == FrameHeader.byteCount else { return }
                headerFill = 0
                do throws(FrameError) {
                    let header = try FrameHeader(decoding: UnsafeRawBufferPointer(headerBytes))
                    guard begin(header, context) else { return }
                } catch {
                    end(context, .violation("\(failures.peer) sent a damaged frame: \(error)"))
                }
            case .payload(let header, let destination, let filled):
                let taken = buffer.readWithUnsafeReadableBytes { bytes in
                    let count = min(Int(header.length) - filled, bytes.count)
                    UnsafeMutableRawBufferPointer(rebasing: destination[filled..<filled + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                    return count
                }
                reading = .payload(header, destination, filled: filled + taken)
                completeIfFilled(context)
            }
        }
    }

    /// Asks the receiver where a frame goes. False when reading must stop here.
    private func begin(_ header: FrameHeader, _ context: ChannelHandlerContext) -> Bool {
        guard let receiver else { return false }
        do {
            switch try receiver.willReceive(header) {
            case .memory(let memory):
                guard memory.count == Int(header.length) else {
                    throw LinkError.violation(
                        "\(failures.peer) sent a frame of \(header.length) bytes where \(memory.count) are due"
                    )
                }
                reading = .payload(header, memory, filled: 0)
            case .hold:
                reading = .held(header)
                return false
            }
        } catch {
            end(context, violation(error))
            return false
        }
        completeIfFilled(context)
        return true
    }

    private func completeIfFilled(_ context: ChannelHandlerContext) {
        guard case .payload(let header, _, let filled) = reading, filled == Int(header.length) else { return }
        reading = .header
        guard let receiver else { return }
        do { try receiver.didReceive(header) } catch { end(context, violation(error)) }
    }

    private func violation(_ error: any Error) -> LinkError {
        (error as? LinkError) ?? .violation("\(failures.peer): \("\(error)".escapedForDisplay(limit: 300))")
    }

    private func end(_ context: ChannelHandlerContext, _ error: LinkError) {
        guard let receiver else { return }
        self.receiver = nil
        queue.removeAll()
        heldBytes = nil
        reading = .header
        headerFill = 0
        receiver.linkClosed(error)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension DataLinkHandler: Sendable {}
