/// Data in the format of MNIST, made by hand.
enum IDXFiles {
    /// - Parameter pixels: row by row, image by image.
    static func images(count: Int, height: Int = 4, width: Int = 4, pixels: [UInt8]) -> [UInt8] {
        [0, 0, 8, 3] + bigEndian(count) + bigEndian(height) + bigEndian(width) + pixels
    }

    static func labels(_ labels: [UInt8]) -> [UInt8] { [0, 0, 8, 1] + bigEndian(labels.count) + labels }

    /// Bytes without any pattern, the same ones always.
    static func pixels(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    /// The bytes as a gzip file, stored without compression.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var file: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
        var start = 0
        repeat {
            let count = min(65535, bytes.count - start)
            let isLast: UInt8 = start + count == bytes.count ? 1 : 0
            file += [isLast] + littleEndian(count, 2) + littleEndian(count ^ 0xffff, 2)
            file += bytes[start..<start + count]
            start += count
        } while start < bytes.count
        return file + littleEndian(Int(checksum(bytes)), 4) + littleEndian(bytes.count, 4)
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = (sum >> 1) ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        return ~sum
    }

    private static func bigEndian(_ number: Int) -> [UInt8] { littleEndian(number, 4).reversed() }

    private static func littleEndian(_ number: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(number >> (8 * $0) & 0xff) }
    }
}

extension TestDirectory {
    /// Writes `images` and `labels` with 24 images of 4 × 4 in 3 classes, and a job over them.
    func writeIDXJob(
        _ job: String = "job.yaml", data: String = "", images: [UInt8]? = nil, labels: [UInt8]? = nil
    ) throws {
        let pixels = IDXFiles.pixels(24 * 16)
        try write(images ?? IDXFiles.images(count: 24, pixels: pixels), to: data + "images")
        try write(labels ?? IDXFiles.labels((0..<24).map { UInt8($0 % 3) }), to: data + "labels")
        try write(
            """
            model: [flatten, linear: 6, relu, linear: 3]
            loss: softmaxCrossEntropy
            optimizer: {sgd: {learningRate: 0.1}}
            data:
              train: {idx: {images: \(data)images, labels: \(data)labels}}
            batchSize: 8
            steps: 4
            """, to: job)
    }
}
