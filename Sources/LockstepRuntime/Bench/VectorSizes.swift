internal import LockstepCore

/// The sizes of vectors of `lockstep bench allreduce --sizes`.
enum VectorSizes {
    /// 1 KiB to 256 MiB.
    static let usual = (0..<10).map { 1024 << (2 * $0) }
    private static let largest = 1 << 32
    private static let units: [(name: String, bytes: Int)] = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]

    /// Reads `1K,256K,4M` or numbers of bytes.
    ///
    /// - Throws: `CommandError.usage`.
    static func read(_ text: String) throws(CommandError) -> [Int] {
        var sizes: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let unit = units.first { part.hasSuffix($0.name) }
            guard let number = Int(part.dropLast(unit == nil ? 0 : 1)), number > 0,
                number <= largest / (unit?.bytes ?? 1), (number * (unit?.bytes ?? 1)).isMultiple(of: 4)
            else {
                throw .usage(
                    "--sizes \"\(text.escapedForDisplay())\": write sizes like 1K,256K,4M; each a multiple of 4 bytes, at most 4G"
                )
            }
            sizes.append(number * (unit?.bytes ?? 1))
        }
        return sizes
    }

    /// `256 KiB`.
    static func text(_ bytes: Int) -> String {
        for unit in units.reversed() where bytes.isMultiple(of: unit.bytes) {
            return "\(bytes / unit.bytes) \(unit.name)iB"
        }
        return "\(NumberText.grouped(bytes)) B"
    }
}
