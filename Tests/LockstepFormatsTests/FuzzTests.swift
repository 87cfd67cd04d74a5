import LockstepFormats
import LockstepTestSupport
import Testing

/// Each reader takes or refuses thousands of damaged files, and what it takes is in itself sound.
@Suite struct FuzzTests {
    @Test func csv() throws {
        try Fuzzer("csv", dictionary: ["\"", "\"\"", ",", ";", "\r\n", "\n", "\r", "NA", "1e-400"])
            .run(refusing: FormatError.self) { bytes in
                let table = try CSVFormat.read(bytes)
                for index in 0..<table.rowCount {
                    let row = table.row(index)
                    guard row.count == table.columns.count else { throw FuzzFlaw("row \(index) is ragged") }
                    for field in row { check(field.float, field.double, field.int) }
                }
                let rows = [table.columns] + (0..<table.rowCount).map { table.row($0).map(\.text) }
                let again = try CSVFormat.read(CSVFormat.encoded(rows))
                guard (0..<again.rowCount).map({ again.row($0).map(\.text) }) == Array(rows.dropFirst()) else {
                    throw FuzzFlaw("what is written does not read back")
                }
            }
    }

    /// What a word is, in one line: runs of letters, digits and what lies beyond ASCII, with apostrophes inside.
    @Test func words() throws {
        try Fuzzer("words", dictionary: ["'", "''", "a'b", "É", "\r\n", "\n", "\0", "Z"]).run(
            refusing: FormatError.self
        ) { bytes in
            try PlainText.check(bytes)
            guard String(validating: bytes, as: UTF8.self) != nil else { throw FuzzFlaw("it is no UTF-8") }
            var count = 0
            for line in PlainText.lines(bytes) {
                for word in WordScanner(line) {
                    guard !word.isEmpty, !word.contains(where: { $0 <= 0x20 || (0x41...0x5A).contains($0) }),
                        word.first != 0x27, word.last != 0x27, String(validating: word, as: UTF8.self) != nil
                    else { throw FuzzFlaw("\(word) is no word") }
                    count += 1
                }
            }
            // Lines end words: line by line or at once, they are the same.
            guard Array(WordScanner(bytes[...])).count == count else { throw FuzzFlaw("a line cut a word") }
        }
    }

    @Test func tokens() throws {
        try Fuzzer("tokens", dictionary: ["'shape'", "'<u2'", "'<i8'", "(", ",)"]).run(refusing: FormatError.self) {
            bytes in
            for type in [TensorType.uint8, .uint16, .uint32] {
                let (tokens, greatest) = try TokenFormat.read(bytes, type: type)
                guard tokens.shape == [tokens.count], tokens.bytes.count <= bytes.count else {
                    throw FuzzFlaw("the tokens are no row")
                }
                let all = (0..<tokens.count).compactMap { tokens.int(at: $0) }
                guard all.count == tokens.count, all.max() ?? -1 == greatest, all.min() ?? 0 >= 0,
                    greatest <= TokenFormat.maximumToken
                else { throw FuzzFlaw("a token is out of range") }
            }
        }
    }

    private func check(_ float: Float?, _ double: Double?, _ int: Int?) {
        #expect(float?.isFinite != false && double?.isFinite != false)
        #expect(int == nil || double != nil)
    }

    @Test func npy() throws {
        let words = ["'descr'", "'shape'", "(", ")", ",", "'<f4'", "'>i8'", "True", "False", "L", "{", "}"]
        try Fuzzer("npy", dictionary: words).run(refusing: FormatError.self) { bytes in
            let tensor = try NPYFormat.read(bytes)
            guard tensor.shape.reduce(1, *) == tensor.count, tensor.bytes.count <= bytes.count else {
                throw FuzzFlaw("\(tensor.count) elements do not fill \(tensor.shape)")
            }
            for index in [0, tensor.count - 1] where index >= 0 && index < tensor.count {
                _ = (tensor.float(at: index), tensor.int(at: index))
            }
            guard try NPYFormat.read(NPYFormat.encoded(tensor)).bytes.elementsEqual(tensor.bytes) else {
                throw FuzzFlaw("what is written does not read back")
            }
        }
    }

    @Test func png() throws {
        let words = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND", "\0\0\0\0IEND"]
        try Fuzzer("png", dictionary: words, repair: ChecksumRepair.png).run(refusing: FormatError.self) { bytes in
            let image = try PNGFormat.decode(bytes, maximumPixels: 1 << 16)
            guard image.height * image.width <= 1 << 16 else { throw FuzzFlaw("the limit does not hold") }
            guard image.pixels.count == image.height * image.width * image.channels else {
                throw FuzzFlaw("the pixels do not fill the image")
            }
        }
    }

    @Test func cifar10() throws {
        try Fuzzer("cifar10").run(500, refusing: FormatError.self) { bytes in
            let images = try CIFAR10Format.read(bytes)
            for index in 0..<images.count where images.label(index) > 9 || images.pixels(index).count != 3072 {
                throw FuzzFlaw("image \(index) is not sound")
            }
        }
    }

    @Test func idx() throws {
        try Fuzzer("idx", repair: ChecksumRepair.gzip).run(refusing: FormatError.self) { bytes in
            let labels = Result { try IDXFormat.labels(bytes, maximumBytes: 1 << 16) }
            if case .success = labels { return }
            let images = try IDXFormat.images(bytes, maximumBytes: 1 << 16)
            guard images.pixels.count == images.count * images.height * images.width else {
                throw FuzzFlaw("the pixels do not fill the images")
            }
        }
    }

    @Test(arguments: ["deflate", "zlib", "gzip"])
    func inflate(name: String) throws {
        let repair: @Sendable ([UInt8]) -> [UInt8] =
            switch name {
            case "zlib": ChecksumRepair.zlib
            case "gzip": ChecksumRepair.gzip
            default: { $0 }
            }
        try Fuzzer(name, repair: repair).run(refusing: FormatError.self) { bytes in
            let limit = 5000
            let contents =
                switch name {
                case "zlib": try Inflate.unzlib(bytes, maximumBytes: limit)
                case "gzip": try Inflate.gunzip(bytes, maximumBytes: limit)
                default: try Inflate.inflate(bytes, maximumBytes: limit)
                }
            guard contents.count <= limit else { throw FuzzFlaw("the limit does not hold") }
        }
    }

    @Test func json() throws {
        let words = ["[", "{\"a\":", "\"", "\\u", "\\ud800", "null", "1e999", "-", ",", "]", "}"]
        try Fuzzer("json", dictionary: words).run(refusing: FormatError.self) { bytes in
            let value = try JSONValue(parsing: bytes)
            guard try JSONValue(parsing: value.bytes) == value else {
                throw FuzzFlaw("what is written does not read back")
            }
        }
    }

    @Test func safetensors() throws {
        let words = ["\"dtype\":", "\"shape\":", "\"data_offsets\":", "\"F32\"", "[", "]", "__metadata__", "{\"a\":"]
        try Fuzzer("safetensors", dictionary: words).run(refusing: FormatError.self) { bytes in
            let file = try Safetensors(parsing: bytes)
            guard file.tensors.reduce(0, { $0 + $1.bytes.count }) <= bytes.count else {
                throw FuzzFlaw("the tensors overlap")
            }
            for tensor in file.tensors where tensor.isNumeric && tensor.count > 0 {
                _ = tensor.float(at: tensor.count - 1)
            }
            let again = try Safetensors(parsing: file.encoded())
            guard again.tensors.count == file.tensors.count else {
                throw FuzzFlaw("what is written does not read back")
            }
        }
    }
}
