import LockstepCore
import LockstepFormats
import LockstepSnapshots
import LockstepTestSupport
import Testing

/// Whatever happens to a snapshot's bytes is found, said, and never loaded.
@Suite struct SnapshotDamageTests {
    private static let directory = "/run/snapshots/step-00000001"
    private static let names = ["parameters.safetensors", "optimizer.safetensors", "SHA256SUMS", "manifest.json"]

    private static func prepared(elements: Int = 5) throws -> SimulatedFiles {
        let files = try SmallState.files()
        try SmallState.store(files).write(SmallState.contents(step: 1, best: 0.5, elements: elements))
        return files
    }

    /// The first damage, which must also keep the snapshot from being loaded.
    private static func damage(_ files: SimulatedFiles, _ comment: String) throws -> SnapshotDamage? {
        let damages = try SmallState.store(files).verify(step: 1)
        let error = #expect(throws: CommandError.self, "\(comment)") { try SmallState.store(files).load(step: 1) }
        #expect(error?.exitCode == .verification, "\(comment)")
        #expect(!damages.isEmpty, "\(comment)")
        return damages.first
    }

    /// Runs in a release build with `LOCKSTEP_SNAPSHOT_TESTS=long` over every bit of more than 60 kB.
    @Test func everyFlippedBitIsFound() throws {
        let files = try Self.prepared(elements: TestAmount.isLong ? 7600 : 5)
        let manifest = try SmallState.store(files).load(step: 1).manifest
        var generator = SeededGenerator(seed: 17)
        var flips = 0
        for name in Self.names {
            let path = Self.directory + "/" + name
            let original = try #require(files.bytes(of: path))
            for offset in original.indices {
                let bits = TestAmount.isLong ? Array(0..<8) : [Int.random(in: 0..<8, using: &generator)]
                // Of the manifest's thousands of bytes a short run takes some.
                if !TestAmount.isLong, name == "manifest.json", !offset.isMultiple(of: 5) { continue }
                for bit in bits {
                    files.change(path) { bytes in
                        var bytes = bytes
                        bytes[offset] ^= UInt8(1) << UInt8(bit)
                        return bytes
                    }
                    let damage = try Self.damage(files, "\(name), byte \(offset), bit \(bit)")
                    #expect(damage?.file == name)
                    if let range = damage?.byteRange { #expect(range.contains(offset)) }
                    if name.hasSuffix(".safetensors") {
                        #expect(damage?.byteRange != nil)
                        let tensor = manifest.tensors.first { $0.file == name && $0.range.contains(offset) }
                        #expect(damage?.tensor == tensor?.name)
                    }
                    flips += 1
                    files.change(path) { _ in original }
                }
            }
        }
        #expect(try SmallState.store(files).verify(step: 1) == [])
        if TestAmount.isLong { print("\(flips) flipped bits found") }
    }

    @Test func everyLengthAndMissingFileIsFound() throws {
        let files = try Self.prepared()
        for name in Self.names {
            let path = Self.directory + "/" + name
            let original = try #require(files.bytes(of: path))
            let lengths = Array(stride(from: 0, to: original.count, by: TestAmount.isLong ? 1 : 37))
            for length in lengths + [original.count - 1] {
                files.change(path) { _ in Array(original.prefix(length)) }
                #expect(try Self.damage(files, "\(name) cut to \(length)")?.file == name)
            }
            for tail in [[0], [UInt8](repeating: 0x20, count: 64), original] {
                files.change(path) { _ in original + tail }
                #expect(try Self.damage(files, "\(name) and \(tail.count) bytes")?.file == name)
            }
            files.change(path) { _ in original }
            let without = files.copy()
            without.change(path) { _ in nil }
            #expect(try Self.damage(without, "no \(name)") == SnapshotDamage(file: name, what: "missing"))
        }
    }

    @Test func randomDamageIsFound() throws {
        let files = try Self.prepared(elements: 3000)
        var generator = SeededGenerator(seed: 23)
        for round in 0..<(TestAmount.isLong ? 1_000_000 : 150) {
            let path = Self.directory + "/" + Self.names[Int.random(in: 0..<4, using: &generator)]
            let original = try #require(files.bytes(of: path))
            var bytes = original
            let start = Int.random(in: 0..<bytes.count, using: &generator)
            let range = start..<min(bytes.count, start + Int.random(in: 1...4096, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes.replaceSubrange(range, with: generator.bytes(range.count))
            case 1: bytes.replaceSubrange(range, with: Array(repeating: 0, count: range.count))
            case 2: bytes.removeSubrange(range)
            default: bytes.insert(contentsOf: original[range], at: Int.random(in: 0...bytes.count, using: &generator))
            }
            guard bytes != original else { continue }
            files.change(path) { _ in bytes }
            _ = try Self.damage(files, "round \(round)")
            files.change(path) { _ in original }
        }
    }

    /// Parts of sound snapshots in the wrong places.
    @Test func mixturesAreFound() throws {
        let prepared = try Self.prepared()
        try SmallState.store(prepared).write(SmallState.contents(step: 2, best: 0.5))
        let other = "/run/snapshots/step-00000002"
        for name in Self.names {
            let files = prepared.copy()
            let foreign = try #require(files.bytes(of: other + "/" + name))
            files.change(Self.directory + "/" + name) { _ in foreign }
            _ = try Self.damage(files, "\(name) of another step")
        }
        for name in Self.names {
            let files = prepared.copy()
            for file in Self.names where file != name {
                let foreign = try #require(files.bytes(of: other + "/" + file))
                files.change(Self.directory + "/" + file) { _ in foreign }
            }
            _ = try Self.damage(files, "all but \(name) of another step")
        }
        // A whole snapshot under another step's name.
        let files = prepared.copy()
        for name in Self.names {
            files.change(Self.directory + "/" + name) { _ in prepared.bytes(of: other + "/" + name) }
        }
        #expect(try Self.damage(files, "moved")?.what == "is that of step 2, but lies at step 1")
        // Two tensors of one length that trade places.
        files.change(Self.directory + "/optimizer.safetensors") { bytes in
            let tensors = prepared.bytes(of: other + "/optimizer.safetensors") ?? []
            return bytes == tensors
                ? Array(tensors.dropLast(24)) + tensors.suffix(4) + tensors.suffix(24).dropLast(4) : bytes
        }
        _ = try Self.damage(files, "tensors swapped")
    }

    /// Manifests whose own digest is right and that still lie: made by hand, not by an accident.
    @Test func contradictionsAreFound() throws {
        let files = try Self.prepared()
        let value = try JSONValue(parsing: try #require(files.bytes(of: Self.directory + "/manifest.json")))
        // What is only told, and does not follow from the files.
        let told = [
            "version", "arithmetic", "run", "job", "jobDigest", "planDigest", "seed", "stateHash", "best",
            "preprocessing", "epochSums", "epochSampleSum",
        ]
        let original = try #require(value.object)
        var changed = 0
        for member in original.members where member.key != "manifestDigest" {
            var without = original
            without[member.key] = nil
            Self.seal(without, files)
            if member.key == "epochSampleSum" {
                // Older versions did not write it.
                #expect(try SmallState.store(files).load(step: 1).manifest.epochSampleSum == nil)
                continue
            }
            #expect(try Self.damage(files, "without \(member.key)")?.file == "manifest.json")
            guard !told.contains(member.key) else { continue }
            for (place, other) in Self.changes(member.value) {
                var object = original
                object[member.key] = other
                Self.seal(object, files)
                _ = try Self.damage(files, "\(member.key)\(place) changed")
                changed += 1
            }
        }
        #expect(changed > 200)
        var extended = original
        extended["epochSampleSum"] = "0123456789ABCDEF"
        Self.seal(extended, files)
        #expect(
            try Self.damage(files, "sum")?.what
                == "“epochSampleSum” of the manifest is not 16 hexadecimal digits")
        extended = original
        extended["more"] = 1
        Self.seal(extended, files)
        #expect(try Self.damage(files, "more")?.what == "the manifest has the unknown key “more”")
        Self.seal(original, files)
        #expect(try SmallState.store(files).verify(step: 1) == [])
    }

    /// A file whose digests are right, but whose header would give other programs other tensors.
    @Test func aLyingHeaderIsFound() throws {
        let files = try Self.prepared()
        let path = Self.directory + "/parameters.safetensors"
        let text = String(decoding: try #require(files.bytes(of: path)), as: UTF8.self)
        #expect(text.contains("0.bias"))
        files.change(path) { bytes in
            var bytes = bytes
            let name = Array("0.bias".utf8)
            let start = bytes.indices.first { bytes[$0...].starts(with: name) } ?? 0
            bytes[start + 3] = UInt8(ascii: "o")
            return bytes
        }
        let digest = DigestBuilder.digest(of: try #require(files.bytes(of: path))).description
        let value = try JSONValue(parsing: try #require(files.bytes(of: Self.directory + "/manifest.json")))
        var object = try #require(value.object)
        var list = try #require(object["files"]?.array)
        var file = try #require(list[0].object)
        var chunk = try #require(file["chunks"]?.array?.first?.object)
        chunk["sha256"] = .string(digest)
        file["sha256"] = .string(digest)
        file["chunks"] = [.object(chunk)]
        list[0] = .object(file)
        object["files"] = .array(list)
        Self.seal(object, files)
        let damage = try Self.damage(files, "lying header")
        #expect(damage?.file == "parameters.safetensors" && damage?.what.contains("disagree") == true)
    }

    /// Writes a manifest with the right digest, and `SHA256SUMS` to match.
    private static func seal(_ object: JSONObject, _ files: SimulatedFiles) {
        var object = object
        object["manifestDigest"] = nil
        let digest = DigestBuilder.digest(of: JSONValue.object(object).bytes)
        object["manifestDigest"] = .string(digest.description)
        let text = JSONValue.object(object).bytes + [0x0A]
        files.change(directory + "/manifest.json") { _ in text }
        files.change(directory + "/SHA256SUMS") { _ in
            let lines = names.filter { $0 != "SHA256SUMS" }.map { name in
                "\(DigestBuilder.digest(of: files.bytes(of: directory + "/" + name) ?? []))  \(name)\n"
            }
            return Array(lines.joined().utf8)
        }
    }

    /// The same value with one leaf changed, or one member or element missing, in every possible way.
    private static func changes(_ value: JSONValue) -> [(place: String, value: JSONValue)] {
        switch value {
        case .null: return [("", 1)]
        case .bool(let value): return [("", .bool(!value)), ("", .null)]
        case .number(let number): return [("", .number((number.int ?? 0) + 1)), ("", -1), ("", 1e300)]
        case .string(let text):
            return [("", .string(text + "0")), ("", .string(String(text.reversed()) + "")), ("", 1)]
                .filter { $0.1 != value }
        case .array(let elements):
            return elements.indices.flatMap { index in
                var shorter = elements
                shorter.remove(at: index)
                let inner = changes(elements[index]).map { place, value in
                    var changed = elements
                    changed[index] = value
                    return ("[\(index)]" + place, JSONValue.array(changed))
                }
                return inner + [("[\(index)] gone", .array(shorter))]
            }
        case .object(let object):
            return object.members.flatMap { member in
                var smaller = object
                smaller[member.key] = nil
                let inner = changes(member.value).map { place, value in
                    var changed = object
                    changed[member.key] = value
                    return (".\(member.key)" + place, JSONValue.object(changed))
                }
                return inner + [(".\(member.key) gone", .object(smaller))]
            }
        }
    }
}
