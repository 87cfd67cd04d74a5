/// The order of names for people: `w2` stands before `w10`.
enum NaturalOrder {
    /// - Parameter otherwise: the answer where the names are equal.
    static func precedes(_ left: String, _ right: String, _ otherwise: @autoclosure () -> Bool) -> Bool {
        if left == right { return otherwise() }
        let (head, tail) = (split(left), split(right))
        if head.stem == tail.stem, let first = head.number, let second = tail.number, first != second {
            return first < second
        }
        return left < right
    }

    private static func split(_ name: String) -> (stem: Substring, number: UInt64?) {
        let stem = name.prefix(name.count - name.reversed().prefix { $0.isASCII && $0.isNumber }.count)
        return (stem, UInt64(name[stem.endIndex...]))
    }
}
