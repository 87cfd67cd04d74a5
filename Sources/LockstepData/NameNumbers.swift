/// Numbers names in the order in which they first occur.
struct NameNumbers {
    private var numbers: [Name: Int32] = [:]
    private(set) var names: [String] = []
    /// The numbers of what was appended.
    private(set) var codes: [Int32] = []

    /// Compared by its bytes, not by what Unicode calls equivalent.
    private struct Name: Hashable {
        let bytes: [UInt8]
        init(_ name: String) { bytes = Array(name.utf8) }
    }

    mutating func number(of name: String) -> Int32 {
        let key = Name(name)
        if let number = numbers[key] { return number }
        let number = Int32(truncatingIfNeeded: names.count)
        numbers[key] = number
        names.append(name)
        return number
    }

    /// The number of a name that has one.
    func existingNumber(of name: String) -> Int32? { numbers[Name(name)] }

    mutating func append(_ name: String) { codes.append(number(of: name)) }

    /// - Returns: false where the name has no number below `count` yet.
    mutating func appendKnown(_ name: String, below count: Int) -> Bool {
        guard let number = numbers[Name(name)], number < count else { return false }
        codes.append(number)
        return true
    }

    /// The names in an order, and the codes by it.
    func sorted(by precedes: (String, String) -> Bool) -> (codes: [Int32], names: [String]) {
        let order = names.indices.sorted { precedes(names[$0], names[$1]) }
        var ranks = Array(repeating: Int32(0), count: names.count)
        for (rank, index) in order.enumerated() { ranks[index] = Int32(truncatingIfNeeded: rank) }
        return (codes.map { ranks[Int($0)] }, order.map { names[$0] })
    }
}
