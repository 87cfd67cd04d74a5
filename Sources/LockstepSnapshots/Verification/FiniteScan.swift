internal import LockstepFormats

/// Looks for infinities and what is not a number among the elements of a tensor while its bytes go by.
struct FiniteScan {
    private(set) var isFinite = true
    /// How many bytes an element takes, and the bits of its last two bytes that are all set where it is not finite.
    private let width: Int
    private let mask: UInt16
    private var offset = 0
    private var previous: UInt8 = 0

    /// - Parameter type: the types whose elements are always finite are not looked at.
    init(_ type: TensorType) {
        width = type.size
        switch type {
        case .float64: mask = 0x7FF0
        case .float32, .bfloat16: mask = 0x7F80
        case .float16: mask = 0x7C00
        default: mask = 0
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard mask != 0, isFinite else { return }
        // Pieces may end inside an element; the bytes of one that began in the piece before are looked at one by one.
        var index = 0
        while index < bytes.count, !offset.isMultiple(of: width) || bytes.count - index < width {
            look(bytes[index])
            index += 1
        }
        let whole = (bytes.count - index) / width * width
        var isFinite = true
        for last in stride(from: index + width - 1, to: index + whole, by: width) {
            let bits = UInt16(bytes[last]) << 8 | UInt16(bytes[last - 1])
            isFinite = isFinite && bits & mask != mask
        }
        if !isFinite { self.isFinite = false }
        index += whole
        while index < bytes.count {
            look(bytes[index])
            index += 1
        }
    }

    private mutating func look(_ byte: UInt8) {
        offset += 1
        if offset.isMultiple(of: width), (UInt16(byte) << 8 | UInt16(previous)) & mask == mask { isFinite = false }
        previous = byte
    }
}
