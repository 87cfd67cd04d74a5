import LockstepCore
import LockstepData
import LockstepTestSupport
import Testing

@Suite struct DataFileTests {
    private let folder = DataFile(
        name: "set",
        entries: [
            DataFile(name: "b/1", bytes: [1, 2, 3]), DataFile(name: "a", bytes: []), DataFile(name: "a/ü", bytes: [9]),
        ])
    private let tree = DataFile(
        name: "tree",
        entries: [
            DataFile(name: String(repeating: "a/", count: 16) + "deep", bytes: [7]), DataFile(name: "a/b/c", bytes: []),
        ])
    private let compressed: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 100, 96, 96, 96, 102, 98, 103, 7, 0, 142, 107, 225, 220, 11,
        0, 0, 0,
    ]
    private let plain: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 3, 2, 7, 7]

    @Test func entriesAreSorted() {
        #expect(folder.entries.map(\.name) == ["a", "a/ü", "b/1"])
    }

    @Test func packingIsUndone() throws {
        for file in [folder, tree, DataFile(name: "set", bytes: [5, 6]), DataFile(name: "set", bytes: [])] {
            let unpacked = try DataFile(unpacking: file.packed, name: "set")
            #expect(unpacked.isDirectory == file.isDirectory && unpacked.bytes == file.bytes)
            #expect(unpacked.entries.map(\.name) == file.entries.map(\.name))
            #expect(unpacked.entries.map(\.bytes) == file.entries.map(\.bytes))
            #expect(try unpacked.digest() == file.digest())
        }
    }

    /// Whatever arrives is read as it was sent or refused: what is read packs to the same bytes.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func damagedPacksAreRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let packed = folder.packed
        for length in 0..<packed.count {
            #expect(throws: CommandError.self) { try DataFile(unpacking: Array(packed[..<length]), name: "set") }
        }
        #expect(throws: CommandError.self) { try DataFile(unpacking: packed + [0], name: "set") }
        var refused = 0
        for _ in 0..<400 {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 1..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do {
                let unpacked = try DataFile(unpacking: bytes, name: "set")
                #expect(unpacked.packed == bytes)
            } catch {
                refused += 1
                #expect(error.message == "“set”: it arrived damaged; run the same version on all machines")
            }
        }
        #expect(refused > 100)
    }

    @Test func namesThatLeadOutAreRefused() {
        for name in [
            "../x", "/x", "a/../../x", String(repeating: "a/", count: 17) + "a", ".x", "a/.x", "", "a/", "a//b",
        ] {
            let packed = DataFile(name: "set", entries: [DataFile(name: name, bytes: [])]).packed
            #expect(throws: CommandError.self, "\(name)") { try DataFile(unpacking: packed, name: "set") }
        }
    }

    @Test func digestsCoverContentsUncompressed() throws {
        let file = DataFile(name: "one", bytes: plain)
        #expect(try file.digest() == DigestBuilder.digest(of: plain))
        #expect(try DataFile(name: "other", bytes: compressed).digest() == file.digest())
        let digest = try folder.digest()
        let others = [
            [
                DataFile(name: "b/1", bytes: [1, 2, 3]), DataFile(name: "a", bytes: []),
                DataFile(name: "a/u", bytes: [9]),
            ],
            [
                DataFile(name: "b/1", bytes: [1, 2, 4]), DataFile(name: "a", bytes: []),
                DataFile(name: "a/ü", bytes: [9]),
            ],
            [DataFile(name: "b/1", bytes: [1, 2, 3]), DataFile(name: "a/ü", bytes: [9])],
        ]
        for entries in others { #expect(try DataFile(name: "set", entries: entries).digest() != digest) }
        #expect(try DataFile(name: "elsewhere", entries: folder.entries.reversed()).digest() == digest)
        let error = #expect(throws: CommandError.self) {
            try DataFile(name: "cut", bytes: compressed.dropLast()).digest()
        }
        #expect(error?.message.hasPrefix("“cut”: the gzip file ends") == true)
    }
}
