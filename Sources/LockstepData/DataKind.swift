internal import LockstepFormats

/// What a file seems to hold, judged by its first bytes.
enum DataKind {
    case npy
    case png
    case idxImages
    case idxLabels
    case safetensors
    case cifar10
    /// A table or another text, if anything.
    case text

    /// - Parameter bytes: not compressed.
    init(_ bytes: [UInt8]) {
        if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) {
            self = .npy
        } else if PNGFormat.isPNG(bytes) {
            self = .png
        } else if bytes.starts(with: [0, 0, 8, 3]) {
            self = .idxImages
        } else if bytes.starts(with: [0, 0, 8, 1]) {
            self = .idxLabels
        } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{"), bytes[4..<8].allSatisfy({ $0 == 0 }) {
            self = .safetensors
        } else if !bytes.isEmpty, bytes.count % 3073 == 0, bytes.prefix(3073 * 4).contains(0) {
            // A table has no zero byte.
            self = .cifar10
        } else {
            self = .text
        }
    }
}
