/// A canonical Huffman code of deflate: a table for codes of up to ten bits, counting for the longer ones.
struct HuffmanTable {
    static let tableBits = 10

    /// Symbol · 16 + length for every possible next ten bits; 0 where the code is longer or does not exist.
    private var table: [UInt16]
    /// How many codes there are of each length 0 … 15.
    private var counts: [Int]
    /// The symbols in order of length, then value.
    private var symbols: [UInt16]

    /// What a set of code lengths is worth.
    enum Flaw: Error { case oversubscribed, incomplete }

    /// - Parameters:
    ///   - lengths: the code length of each symbol, 0 … 15; 0 for an unused symbol.
    ///   - allowsIncomplete: whether no code at all, or a single one of one bit, is accepted.
    init(lengths: ArraySlice<UInt8>, allowsIncomplete: Bool) throws(Flaw) {
        counts = Array(repeating: 0, count: 16)
        for length in lengths { counts[Int(length)] += 1 }
        let used = lengths.count - counts[0]
        counts[0] = 0

        var left = 1
        for length in 1...15 {
            left = left * 2 - counts[length]
            if left < 0 { throw .oversubscribed }
        }
        if left > 0, !(allowsIncomplete && (used == 0 || (used == 1 && counts[1] == 1))) { throw .incomplete }

        var offsets = Array(repeating: 0, count: 17)
        var firstCodes = Array(repeating: 0, count: 17)
        for length in 1...15 {
            offsets[length + 1] = offsets[length] + counts[length]
            firstCodes[length + 1] = (firstCodes[length] + counts[length]) << 1
        }
        symbols = Array(repeating: 0, count: used)
        table = Array(repeating: 0, count: 1 << HuffmanTable.tableBits)
        for (symbol, byte) in lengths.enumerated() where byte > 0 {
            let length = Int(byte)
            symbols[offsets[length]] = UInt16(symbol)
            offsets[length] += 1
            let code = firstCodes[length]
            firstCodes[length] += 1
            guard length <= HuffmanTable.tableBits else { continue }
            var slot = HuffmanTable.reversed(code, bits: length)
            while slot < table.count {
                table[slot] = UInt16(symbol << 4 | length)
                slot += 1 << length
            }
        }
    }

    /// Deflate sends codes from their highest bit on, everything else from the lowest.
    private static func reversed(_ code: Int, bits: Int) -> Int {
        var (rest, result) = (code, 0)
        for _ in 0..<bits {
            result = result << 1 | rest & 1
            rest >>= 1
        }
        return result
    }

    /// The symbol that the low bits of `bits` begin with, and how many bits it takes; nil where no code fits.
    @inline(__always)
    func decode(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        let entry = table.withUnsafeBufferPointer { $0[Int(bits & (1 << HuffmanTable.tableBits - 1))] }
        if entry != 0 { return (Int(entry >> 4), Int(entry & 15)) }
        return decodeLong(bits)
    }

    @inline(never)
    private func decodeLong(_ bits: UInt64) -> (symbol: Int, length: Int)? {
        var (code, first, index) = (0, 0, 0)
        for length in 1...15 {
            code |= Int((bits >> UInt64(length - 1)) & 1)
            let count = counts[length]
            if code - first < count { return (Int(symbols[index + code - first]), length) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        return nil
    }
}
