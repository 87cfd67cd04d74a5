import LockstepCore
import LockstepData
import LockstepFormats
import LockstepTestSupport
import Testing

/// Files that were damaged at random are read or refused with one line that names them; nothing else happens.
@Suite struct HostileDataTests {
    private func corpus() throws -> [(any DataSource, [DataFile])] {
        let npy = try NPYFormat.encoded(ArrayTests.tensor([3, 2], [1, 2, 3, 4, 5, 6]))
        let labels = try NPYFormat.encoded(ArrayTests.tensor(.uint8, [3], [0, 2, 1]))
        let tensors = try Safetensors(tensors: [
            ArrayTests.tensor("inputs", [3, 2], [1, 2, 3, 4, 5, 6]), ArrayTests.tensor("labels", [3], [1, 2, 3]),
        ]).encoded()
        let csv = Array("a,b,\"y\"\r\n1.5,\"x,\"\"\",0\r\n-2e3,,1\r\nNA,é,2\r\n".utf8)
        return [
            (CSV(path: "f", label: "y"), [DataFile(name: "f", bytes: csv)]),
            (CSV(path: "f", label: "y", task: .classify, numeric: ["a"]), [DataFile(name: "f", bytes: csv)]),
            (NPY(inputs: "f", labels: "f"), [DataFile(name: "f", bytes: npy), DataFile(name: "f", bytes: labels)]),
            (SafetensorsData(path: "f"), [DataFile(name: "f", bytes: tensors)]),
            (
                Text(path: "f", text: "b", label: "y", vocabulary: 5, length: 3),
                [DataFile(name: "f", bytes: Array("b,y\nIt isn't bad,0\nÉté-bad it,1\n\"it, \",0\n".utf8))]
            ),
            (Tokens(path: "f", context: 2, vocabulary: 300), [DataFile(name: "f", bytes: [1, 0, 2, 1, 3, 0, 4, 0])]),
            (
                Tokens(path: "f", context: 2),
                [DataFile(name: "f", bytes: try NPYFormat.encoded(ArrayTests.tensor(.uint8, [4], [0, 2, 1, 3])))]
            ),
            (
                Bytes(paths: ["f/", "g"], context: 2),
                [
                    DataFile(name: "f/", entries: [DataFile(name: "a/b/c", bytes: Array("é".utf8))]),
                    DataFile(name: "g", bytes: Array("text".utf8)),
                ]
            ),
            (CIFAR10(paths: ["f"]), [DataFile(name: "f", bytes: Array(repeating: 9, count: 3073))]),
            (
                ImageFolder(path: "f", height: 3, width: 2),
                [
                    DataFile(
                        name: "f",
                        entries: [
                            DataFile(name: "a/f", bytes: ImageTests.png(2, 2, 3, (0..<12).map { UInt8($0) })),
                            DataFile(name: "b/f", bytes: ImageTests.png(1, 1, 1, [3])),
                        ])
                ]
            ),
        ]
    }

    private func damaged(_ file: DataFile, _ random: inout SeededGenerator) -> DataFile {
        guard !file.isDirectory else {
            let chosen = Int.random(in: file.entries.indices, using: &random)
            return DataFile(
                name: file.name,
                entries: file.entries.enumerated().map { $0 == chosen ? damaged($1, &random) : $1 })
        }
        var bytes = file.bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = [0, 0xFF, 0x7F, 0x80, 0x2C, 0x22, 0x0A].randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(place...)
            case 3: bytes.insert(contentsOf: random.bytes(3), at: place)
            default: bytes.removeSubrange(place..<min(place + 5, bytes.count))
            }
        }
        return DataFile(name: file.name, bytes: bytes)
    }

    @Test(arguments: [31, 32, 33] as [UInt64])
    func damageIsReadOrRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for (source, files) in try corpus() {
            let sound = try source.open(files: files)
            var refused = 0
            var changed = 0
            for _ in 0..<120 {
                var damagedFiles = files
                let chosen = Int.random(in: files.indices, using: &random)
                damagedFiles[chosen] = damaged(files[chosen], &random)
                do {
                    let reader = try source.open(files: damagedFiles)
                    try reader.preprocessing.validate()
                    for sample in 0..<min(reader.count, 4) { _ = reader.sample(sample) }
                    if reader.contentDigest != sound.contentDigest { changed += 1 }
                } catch {
                    refused += 1
                    #expect(error.exitCode == .usage, "\(error)")
                    #expect(!error.message.contains("\n") && error.message.utf8.count < 1000)
                }
                _ = try? DataInspection.describe(damagedFiles[chosen])
            }
            // The damage does reach the readers.
            #expect(refused + changed > 20, "\(source)")
        }
    }
}
