/// The 32 bytes in front of every payload, little-endian.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | magic 0x534C, "LS" |
/// | 2 | version 1 |
/// | 3 | kind |
/// | 4–7 | generation |
/// | 8–11 | step |
/// | 12 | phase |
/// | 13 | flags, 0 |
/// | 14–15 | bucket |
/// | 16–17 | part |
/// | 18–19 | acknowledged: what a data link has taken since it last said so, 0 elsewhere |
/// | 20–23 | length of the payload in bytes |
/// | 24–31 | offset in bytes into what kind, bucket and part name |
package struct FrameHeader: Sendable, Hashable {
    package static let byteCount = 32
    package static let magic: UInt16 = 0x534C
    package static let version: UInt8 = 1

    package var kind: FrameKind
    package var generation: UInt32
    package var step: UInt32
    /// A `Turn.Phase` in gradient frames and records, 0 elsewhere.
    package var phase: UInt8
    package var bucket: UInt16
    package var part: UInt16
    /// The data link's own business: the exchange leaves it 0 and never looks at it.
    package var acknowledged: UInt16
    package var length: UInt32
    package var offset: UInt64

    package init(
        kind: FrameKind, generation: UInt32 = 0, step: UInt32 = 0, phase: UInt8 = 0, bucket: UInt16 = 0,
        part: UInt16 = 0, acknowledged: UInt16 = 0, length: UInt32, offset: UInt64 = 0
    ) {
        self.kind = kind
        self.generation = generation
        self.step = step
        self.phase = phase
        self.bucket = bucket
        self.part = part
        self.acknowledged = acknowledged
        self.length = length
        self.offset = offset
    }

    /// - Parameter bytes: the first 32 are read.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(FrameError) {
        guard bytes.count >= FrameHeader.byteCount else { throw .truncated(count: bytes.count) }
        let magic = FrameHeader.load(UInt16.self, bytes, 0)
        guard magic == FrameHeader.magic else { throw .wrongMagic(magic) }
        guard bytes[2] == FrameHeader.version else { throw .unsupportedVersion(bytes[2]) }
        guard let kind = FrameKind(rawValue: bytes[3]) else { throw .unknownKind(bytes[3]) }
        guard bytes[13] == 0 else { throw .reservedNotZero }
        self.kind = kind
        generation = FrameHeader.load(UInt32.self, bytes, 4)
        step = FrameHeader.load(UInt32.self, bytes, 8)
        phase = bytes[12]
        bucket = FrameHeader.load(UInt16.self, bytes, 14)
        part = FrameHeader.load(UInt16.self, bytes, 16)
        acknowledged = FrameHeader.load(UInt16.self, bytes, 18)
        length = FrameHeader.load(UInt32.self, bytes, 20)
        offset = FrameHeader.load(UInt64.self, bytes, 24)
    }

    package init(decoding bytes: [UInt8]) throws(FrameError) {
        guard bytes.count >= FrameHeader.byteCount else { throw .truncated(count: bytes.count) }
        let decoded: Result<FrameHeader, FrameError> = bytes.withUnsafeBytes { raw in
            do throws(FrameError) { return .success(try FrameHeader(decoding: raw)) } catch { return .failure(error) }
        }
        self = try decoded.get()
    }

    /// - Parameter bytes: at least 32; the first 32 are written.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= FrameHeader.byteCount, "a frame header needs 32 bytes")
        func store(_ number: some FixedWidthInteger, at offset: Int) {
            bytes.storeBytes(of: number.littleEndian, toByteOffset: offset, as: type(of: number))
        }
        store(FrameHeader.magic, at: 0)
        store(FrameHeader.version, at: 2)
        store(kind.rawValue, at: 3)
        store(generation, at: 4)
        store(step, at: 8)
        store(phase, at: 12)
        store(0 as UInt8, at: 13)
        store(bucket, at: 14)
        store(part, at: 16)
        store(acknowledged, at: 18)
        store(length, at: 20)
        store(offset, at: 24)
    }

    /// The header as 32 bytes.
    package var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: FrameHeader.byteCount) { buffer, count in
            encode(into: UnsafeMutableRawBufferPointer(buffer))
            count = FrameHeader.byteCount
        }
    }

    private static func load<Number: FixedWidthInteger>(
        _ type: Number.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Number {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
