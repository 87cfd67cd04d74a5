import LockstepFormats
import LockstepTestSupport
import Testing

@Suite struct InflateTests {
    typealias Fixtures = CompressedFixtures

    @Test func decompressesWhatZlibMade() throws {
        #expect(try Inflate.inflate(Fixtures.geometricDeflated, maximumBytes: 3000) == Fixtures.geometric)
        #expect(try Inflate.inflate(Fixtures.lettersDeflated, maximumBytes: 1 << 20) == Fixtures.letters)
        let fixed = try Inflate.inflate(Fixtures.fixedDeflated, maximumBytes: 100)
        #expect(fixed == Array("lockstep lockstep lockstep".utf8))
        #expect(try Inflate.inflate(Fixtures.storedDeflated, maximumBytes: 100) == Array("stored".utf8))
        #expect(try Inflate.inflate([3, 0], maximumBytes: 0) == [])
    }

    @Test func readsAllMembersAndHeaderFields() throws {
        let expected = Array("first member, ".utf8) + Fixtures.letters.prefix(40)
        #expect(try Inflate.gunzip(Fixtures.members, maximumBytes: 54) == expected)
        #expect(try Inflate.gunzip(Fixtures.members + [0, 0, 0], maximumBytes: 54) == expected)
        #expect(throws: FormatError(offset: Fixtures.members.count, "something that is not gzip follows the gzip data"))
        {
            try Inflate.gunzip(Fixtures.members + [7, 7], maximumBytes: 100)
        }
    }

    @Test func everyTruncationIsAnError() {
        for count in Fixtures.lettersDeflated.indices {
            let cut = Array(Fixtures.lettersDeflated.prefix(count))
            #expect(throws: FormatError.self) { try Inflate.inflate(cut, maximumBytes: 1000) }
        }
        // The end of a member is the only place where a file of several members can end.
        let expected = Array("first member, ".utf8) + Fixtures.letters.prefix(40)
        let whole = Fixtures.members.indices.filter { count in
            (try? Inflate.gunzip(Array(Fixtures.members.prefix(count)), maximumBytes: 1000)) != nil
        }
        #expect(whole.count == 2)
        #expect(
            whole.allSatisfy {
                expected.starts(
                    with: (try? Inflate.gunzip(Array(Fixtures.members.prefix($0)), maximumBytes: 99)) ?? [0])
            })
    }

    @Test func everyChangedByteIsFoundOrHarmless() throws {
        let expected = try Inflate.gunzip(Fixtures.members, maximumBytes: 1000)
        var undetected = 0
        for index in Fixtures.members.indices {
            for change in [1, 0x80, 0xFF] as [UInt8] {
                var damaged = Fixtures.members
                damaged[index] ^= change
                guard let bytes = try? Inflate.gunzip(damaged, maximumBytes: 1000) else { continue }
                #expect(bytes == expected, "byte \(index)")
                undetected += 1
            }
        }
        // Time, system and extra flags of the two headers without checksum, their text flags, bits that fill a byte.
        #expect(undetected <= 3 * 12 + 2 + 9)
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func randomBytesNeverTrap(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            var bytes = random.bytes(Int.random(in: 0..<80, using: &random))
            _ = try? Inflate.inflate(bytes, maximumBytes: 5000)
            _ = try? Inflate.gunzip([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0] + bytes, maximumBytes: 5000)
            bytes = Fixtures.lettersDeflated
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
            if let result = try? Inflate.inflate(bytes, maximumBytes: 5000) { #expect(result.count <= 5000) }
        }
    }

    /// A zero byte and `runs` matches of 258 zeros, 13 bits each, under the fixed codes.
    private func bomb(runs: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
        for _ in 0..<runs { bits += [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0] }
        bits += [0, 0, 0, 0, 0, 0, 0]
        return stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<min(start + 8, bits.count)].reversed().reduce(0) { $0 << 1 | $1 }
        }
    }

    @Test func sizeIsBounded() throws {
        let size = 1 + 2000 * 258
        #expect(try Inflate.inflate(bomb(runs: 2000), maximumBytes: size).count == size)
        for limit in [size - 1, size / 2, 1, 0, -1] {
            #expect(throws: FormatError.self) { try Inflate.inflate(bomb(runs: 2000), maximumBytes: limit) }
        }
        // A size field that promises four gigabytes costs nothing.
        var liar = Fixtures.members
        liar.replaceSubrange(liar.count - 4..<liar.count, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: FormatError.self) { try Inflate.gunzip(liar, maximumBytes: 1 << 40) }
    }

    @Test func distancesBeforeTheStartAreRefused() {
        // The fixed code for length 3, distance 1, at the very start.
        let bits: [UInt8] = [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
        let bytes = stride(from: 0, to: 16, by: 8).map { start in
            (bits + [0])[start..<start + 8].reversed().reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        #expect(throws: FormatError(offset: 2, "the compressed data refers to bytes before its start")) {
            try Inflate.inflate(bytes, maximumBytes: 100)
        }
    }

    @Test func zlibStreamsAreChecked() throws {
        let stream: [UInt8] = [0x78, 0x9C] + Fixtures.storedDeflated + [0x09, 0x3C, 0x02, 0x92]
        #expect(try Inflate.unzlib(stream, maximumBytes: 6) == Array("stored".utf8))
        #expect(throws: FormatError.self) { try Inflate.unzlib(stream, maximumBytes: 5) }
        for count in stream.indices {
            #expect(throws: FormatError.self) { try Inflate.unzlib(Array(stream.prefix(count)), maximumBytes: 100) }
        }
        for index in stream.indices {
            var damaged = stream
            damaged[index] ^= 1
            #expect(throws: FormatError.self, "byte \(index)") { try Inflate.unzlib(damaged, maximumBytes: 100) }
        }
        #expect(throws: FormatError(offset: 17, "bytes follow the compressed data")) {
            try Inflate.unzlib(stream + [0], maximumBytes: 100)
        }
    }

    @Test func checksumIsThatOfGzip() {
        #expect(CRC32.checksum(of: Array("123456789".utf8)) == 0xCBF4_3926)
        #expect(CRC32.checksum(of: []) == 0)
        #expect(CRC32.checksum(of: CompressedFixtures.geometric) == 2_653_839_462)
        #expect(CRC32.checksum(of: CompressedFixtures.letters) == 3_998_827_308)
    }
}
