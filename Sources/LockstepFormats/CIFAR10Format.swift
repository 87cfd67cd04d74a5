/// The binary files of CIFAR-10: records of a label and 32×32 pixels, all red values first, then green, then blue.
package enum CIFAR10Format {
    package static let height = 32
    package static let width = 32
    package static let channels = 3
    /// What the labels 0 … 9 stand for.
    package static let classes = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    private static let pixelBytes = height * width * channels
    private static let recordBytes = 1 + pixelBytes

    /// The images of one file.
    package struct Images: Sendable {
        package let count: Int
        private let file: [UInt8]

        init(count: Int, file: [UInt8]) {
            self.count = count
            self.file = file
        }

        /// The class of an image, 0 … 9.
        package func label(_ index: Int) -> Int { Int(file[index * recordBytes]) }

        /// The 3072 values of an image: channel by channel (C, H, W), row by row.
        package func pixels(_ index: Int) -> ArraySlice<UInt8> {
            file[index * recordBytes + 1..<(index + 1) * recordBytes]
        }
    }

    /// Reads a file such as `data_batch_1.bin`.
    package static func read(_ file: [UInt8]) throws(FormatError) -> Images {
        guard !file.isEmpty else { throw FormatError(offset: 0, "the CIFAR-10 file is empty") }
        guard file.count % recordBytes == 0 else {
            let isOther = file.count % (recordBytes + 1) == 0
            throw FormatError(
                offset: file.count - file.count % recordBytes,
                isOther
                    ? "it looks like CIFAR-100, whose records have 3074 bytes; CIFAR-10's have 3073"
                    : "it does not consist of whole CIFAR-10 records of 3073 bytes")
        }
        for offset in stride(from: 0, to: file.count, by: recordBytes) where file[offset] >= classes.count {
            throw FormatError(offset: offset, "the label \(file[offset]) of a CIFAR-10 record is not 0 … 9")
        }
        return Images(count: file.count / recordBytes, file: file)
    }
}
