import LockstepFormats
import LockstepTestSupport
import Testing

/// The canaries of the harness: readers that are wrong on purpose must be found.
@Suite struct FuzzerTests {
    private struct Refusal: Error {}

    /// Reads a length and that many bytes; believes the length where `isCareless`.
    private func read(_ bytes: [UInt8], isCareless: Bool) throws {
        guard bytes.count >= 4 else { throw Refusal() }
        let length = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard isCareless || length == bytes.count - 4 else { throw Refusal() }
        if length > bytes.count - 4 { throw FuzzFlaw("it would read beyond the end") }
    }

    private let sample: [UInt8] = [0, 0, 0, 6] + Array("lockup".utf8)

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aCarelessReaderIsFound(seed: UInt64) throws {
        let fuzzer = try Fuzzer("canary", samples: [sample])
        let report = try fuzzer.run(300, seed: seed, refusing: Refusal.self) { try read($0, isCareless: false) }
        #expect(report.taken > 1 && report.refused > 100)
        let finding = #expect(throws: FuzzFinding.self) {
            try fuzzer.run(300, seed: seed, refusing: Refusal.self) { try read($0, isCareless: true) }
        }
        let again = #expect(throws: FuzzFinding.self) {
            try fuzzer.run(300, seed: seed, refusing: Refusal.self) { try read($0, isCareless: true) }
        }
        #expect(finding?.index == again?.index && finding?.input == again?.input, "a finding comes again")
    }

    /// A reader that forgets the limit on depth is found by nesting alone.
    @Test func aReaderWithoutLimitOnDepthIsFound() throws {
        let fuzzer = try Fuzzer("canary", samples: [Array("[[1]]".utf8)], dictionary: ["["])
        #expect(throws: FuzzFinding.self) {
            try fuzzer.run(500, refusing: Refusal.self) { bytes in
                let depth = bytes.prefix { $0 == UInt8(ascii: "[") }.count
                if depth > 1000 { throw FuzzFlaw("\(depth) levels") }
                if bytes.last != UInt8(ascii: "]") { throw Refusal() }
            }
        }
    }

    /// A reader without checksums behind checksums is found only because the harness repairs them.
    @Test func repairReachesWhatChecksumsHide() throws {
        let image = PNGImage(height: 4, width: 4, channels: 3, pixels: Array(repeating: 9, count: 48))
        var changed = PNGFormat.encode(image)
        changed[50] = 200
        #expect(throws: FormatError.self) { try PNGFormat.decode(changed) }
        #expect(try PNGFormat.decode(ChecksumRepair.png(changed)) != image)
    }

    @Test func aReaderThatTakesOrRefusesAllProvesNothing() throws {
        let fuzzer = try Fuzzer("canary", samples: [sample])
        #expect(throws: FuzzFlaw.self) { try fuzzer.run(50, refusing: Refusal.self) { _ in } }
        #expect(throws: FuzzFlaw.self) { try fuzzer.run(50, refusing: Refusal.self) { _ in throw Refusal() } }
        #expect(throws: FuzzFlaw.self) { try Fuzzer("no such folder") }
    }
}
