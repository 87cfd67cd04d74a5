/// The two Huffman codes of a deflate block, and the tables of RFC 1951 §3.2.5.
struct DeflateCodes {
    let literals: HuffmanTable
    let distances: HuffmanTable

    /// A length or distance: `base` plus the number in the next `extraBits` bits.
    struct Step {
        let base: Int
        let extraBits: Int
    }

    /// What the symbols 257 … 285 stand for.
    static let lengths: [Step] =
        steps(from: 3, extraBits: [0, 0, 0, 0, 0, 0, 0, 0] + (1...5).flatMap { Array(repeating: $0, count: 4) })
        + [Step(base: 258, extraBits: 0)]

    /// What the distance symbols 0 … 29 stand for.
    static let distances: [Step] = steps(
        from: 1, extraBits: [0, 0, 0, 0] + (1...13).flatMap { [$0, $0] })

    private static func steps(from start: Int, extraBits: [Int]) -> [Step] {
        var base = start
        return extraBits.map { bits in
            defer { base += 1 << bits }
            return Step(base: base, extraBits: bits)
        }
    }

    /// The order in which a dynamic block sends the lengths of its code-length code.
    private static let codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    /// The codes of a block of kind 1.
    static let fixed: DeflateCodes = {
        let literals = (0..<288).map { UInt8($0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8) }
        let distances = Array(repeating: UInt8(5), count: 32)
        guard let literals = try? HuffmanTable(lengths: literals[...], allowsIncomplete: false),
            let distances = try? HuffmanTable(lengths: distances[...], allowsIncomplete: false)
        else { preconditionFailure("the fixed codes are complete") }
        return DeflateCodes(literals: literals, distances: distances)
    }()

    private init(literals: HuffmanTable, distances: HuffmanTable) {
        self.literals = literals
        self.distances = distances
    }

    /// Reads the codes that stand at the head of a block of kind 2.
    init(reading input: inout InflateInput) throws(FormatError) {
        let offset = input.offset
        guard let counts = input.take(14) else { throw Inflate.endsEarly(input) }
        let literalCount = counts & 31 + 257
        let distanceCount = counts >> 5 & 31 + 1
        guard literalCount <= 286, distanceCount <= 30 else {
            throw FormatError(offset: offset, "a block of the compressed data has too many codes")
        }
        let lengths = try DeflateCodes.codeLengths(
            &input, codeLengthCount: counts >> 10 + 4, total: literalCount + distanceCount)
        guard lengths[256] > 0 else {
            throw FormatError(offset: offset, "a block of the compressed data has no end code")
        }
        literals = try DeflateCodes.table(lengths[..<literalCount], allowsIncomplete: true, offset)
        distances = try DeflateCodes.table(lengths[literalCount...], allowsIncomplete: true, offset)
    }

    private static func table(
        _ lengths: ArraySlice<UInt8>, allowsIncomplete: Bool, _ offset: Int
    ) throws(FormatError) -> HuffmanTable {
        do {
            return try HuffmanTable(lengths: lengths, allowsIncomplete: allowsIncomplete)
        } catch {
            throw FormatError(offset: offset, "the codes of a block of the compressed data are \(error)")
        }
    }

    private static func codeLengths(
        _ input: inout InflateInput, codeLengthCount: Int, total: Int
    ) throws(FormatError) -> [UInt8] {
        let offset = input.offset
        var orders = Array(repeating: UInt8(0), count: 19)
        for symbol in codeLengthOrder.prefix(codeLengthCount) {
            guard let length = input.take(3) else { throw Inflate.endsEarly(input) }
            orders[symbol] = UInt8(length)
        }
        let code = try table(orders[...], allowsIncomplete: false, offset)
        var lengths: [UInt8] = []
        while lengths.count < total {
            input.refill()
            guard let (symbol, bits) = code.decode(input.bits) else {
                throw FormatError(offset: input.offset, "the compressed data has an unknown code")
            }
            guard input.drop(bits) else { throw Inflate.endsEarly(input) }
            if symbol < 16 {
                lengths.append(UInt8(symbol))
                continue
            }
            let run = [Step(base: 3, extraBits: 2), Step(base: 3, extraBits: 3), Step(base: 11, extraBits: 7)][
                symbol - 16]
            guard let extra = input.take(run.extraBits) else { throw Inflate.endsEarly(input) }
            let count = run.base + extra
            let repeated = symbol == 16 ? lengths.last : 0
            guard let repeated, count <= total - lengths.count else {
                throw FormatError(
                    offset: input.offset, "the code lengths of a block of the compressed data are damaged")
            }
            lengths.append(contentsOf: repeatElement(repeated, count: count))
        }
        return lengths
    }
}
