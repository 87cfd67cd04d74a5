/// Damages a file in the ways in which files are damaged or forged.
package struct FuzzMutator: Sendable {
    /// Words of the format that are put in at random places.
    package var dictionary: [[UInt8]]
    /// No mutant is longer.
    package var maximumBytes: Int

    package init(dictionary: [[UInt8]] = [], maximumBytes: Int = 1 << 16) {
        self.dictionary = dictionary
        self.maximumBytes = maximumBytes
    }

    /// What is done to a file.
    private enum Kind: CaseIterable {
        case flipBit, setByte, truncate, remove, repeatRange, insertNoise, insertWord, splice, tamperNumber, tamperText,
            nest
    }

    /// Bytes at which readers make mistakes.
    private static let edges: [UInt8] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, 0x0A, 0x22, 0x2C, 0x5B, 0x7B]

    /// Numbers that a reader must not believe.
    private static let numbers: [UInt64] = [
        0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
    ]

    /// The same, as text.
    private static let texts: [String] = [
        "0", "-1", "00", "1e999", "-0", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "18446744073709551616", "99999999999999999999999999", "0x10", "1.", "NaN",
    ]

    /// - Parameter other: another file of the format, for splices.
    /// - Returns: `base` with one to five things done to it.
    package func mutant(of base: [UInt8], other: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var bytes = base
        repeat {
            change(&bytes, other, &random)
        } while Int.random(in: 0..<5, using: &random) > 2
        return bytes.count <= maximumBytes ? bytes : Array(bytes.prefix(maximumBytes))
    }

    private func change(_ bytes: inout [UInt8], _ other: [UInt8], _ random: inout SeededGenerator) {
        let kind = Kind.allCases.randomElement(using: &random) ?? .flipBit
        guard !bytes.isEmpty else {
            bytes = kind == .splice ? other : random.bytes(Int.random(in: 1...16, using: &random))
            return
        }
        let index = Int.random(in: bytes.indices, using: &random)
        switch kind {
        case .flipBit: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case .setByte: bytes[index] = FuzzMutator.edges.randomElement(using: &random) ?? 0
        case .truncate: bytes.removeSubrange(index...)
        case .remove: bytes.removeSubrange(range(from: index, in: bytes, &random))
        case .repeatRange:
            let copy = bytes[range(from: index, in: bytes, &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) { bytes.insert(contentsOf: copy, at: index) }
        case .insertNoise:
            bytes.insert(contentsOf: random.bytes(Int.random(in: 1...8, using: &random)), at: index)
        case .insertWord:
            bytes.insert(contentsOf: dictionary.randomElement(using: &random) ?? [0xFF, 0xC0], at: index)
        case .splice:
            guard let start = other.indices.randomElement(using: &random) else { return }
            let part = other[range(from: start, in: other, &random)]
            bytes.replaceSubrange(index..<min(bytes.count, index + part.count), with: part)
        case .tamperNumber: tamperNumber(&bytes, at: index, &random)
        case .tamperText: tamperText(&bytes, near: index, &random)
        case .nest:
            let word = dictionary.randomElement(using: &random) ?? [UInt8(ascii: "[")]
            let count = Int.random(in: 1...2000, using: &random)
            bytes.insert(contentsOf: (0..<count).flatMap { _ in word }, at: index)
        }
    }

    /// Mostly short ranges; sometimes all that follows.
    private func range(from start: Int, in bytes: [UInt8], _ random: inout SeededGenerator) -> Range<Int> {
        let rest = bytes.count - start
        let limit = Int.random(in: 0..<4, using: &random) == 0 ? rest : min(rest, 16)
        return start..<start + Int.random(in: 1...limit, using: &random)
    }

    /// Puts another number where a length, a count or an offset may stand: 1, 2, 4 or 8 bytes, in either order.
    private func tamperNumber(_ bytes: inout [UInt8], at index: Int, _ random: inout SeededGenerator) {
        let size = [1, 2, 4, 8].randomElement(using: &random) ?? 4
        guard index + size <= bytes.count else { return }
        let isBigEndian = Bool.random(using: &random)
        let places = (0..<size).map { isBigEndian ? index + size - 1 - $0 : index + $0 }
        let old = places.enumerated().reduce(UInt64(0)) { $0 | UInt64(bytes[$1.element]) << UInt64(8 * $1.offset) }
        let number: UInt64 =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: old &+ 1
            case 1: old &- 1
            case 2: UInt64(bytes.count - index)
            default: FuzzMutator.numbers.randomElement(using: &random) ?? 0
            }
        for (position, place) in places.enumerated() {
            bytes[place] = UInt8(truncatingIfNeeded: number >> UInt64(8 * position))
        }
    }

    /// Puts another number where one stands in decimal digits.
    private func tamperText(_ bytes: inout [UInt8], near index: Int, _ random: inout SeededGenerator) {
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard let start = bytes[index...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        let text = FuzzMutator.texts.randomElement(using: &random) ?? "0"
        bytes.replaceSubrange(start..<end, with: text.utf8)
    }
}
