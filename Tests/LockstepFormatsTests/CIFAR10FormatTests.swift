import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct CIFAR10FormatTests {
    @Test func readsRecords() throws {
        let file = try #require(try Fuzzer.files(of: "cifar10").first?.bytes)
        let images = try CIFAR10Format.read(file)
        #expect(images.count == 2 && CIFAR10Format.classes.count == 10)
        #expect([images.label(0), images.label(1)] == [0, 9])
        let expected = (0..<3072).map { UInt8(($0 * 7 + 9) % 251) }
        #expect(Array(images.pixels(1)) == expected)
        #expect(images.pixels(0).first == 0 && images.pixels(0).last == UInt8(3071 * 7 % 251))
    }

    @Test func saysWhatIsWrong() throws {
        var file = try #require(try Fuzzer.files(of: "cifar10").first?.bytes)
        #expect(throws: FormatError(offset: 3073, "it does not consist of whole CIFAR-10 records of 3073 bytes")) {
            try CIFAR10Format.read(Array(file.dropLast()))
        }
        #expect(throws: FormatError.self) { try CIFAR10Format.read([]) }
        file[3073] = 10
        #expect(throws: FormatError(offset: 3073, "the label 10 of a CIFAR-10 record is not 0 … 9")) {
            try CIFAR10Format.read(file)
        }
        let error = #expect(throws: FormatError.self) {
            try CIFAR10Format.read(Array(repeating: 0, count: 3074))
        }
        #expect(error?.message.contains("CIFAR-100") == true)
    }
}
