internal import LockstepCore

/// The arguments of one entry of the key table, read from a node: a group of keys, or a bare value for the first
/// parameter, or nothing where all parameters have defaults.
struct JobArguments {
    let name: String
    let path: String
    let place: JobNode.Place
    private let values: [(key: String, node: JobNode)]

    /// - Parameters:
    ///   - node: what stands behind the entry's key; nil for a bare word.
    ///   - parameters: the names that the entry takes; a bare value goes to the first.
    ///   - groupValues: keys that, alone in a group, make the group itself the value of the first parameter
    ///     (`sgd: {cosine: {from: 0.1}}`).
    init(
        _ name: String, _ node: JobNode?, path: String, place: JobNode.Place, parameters: [String],
        groupValues: [String] = []
    ) throws(JobFileError) {
        self.name = name
        self.path = path
        self.place = node?.place ?? place
        guard let node else {
            self.values = []
            return
        }
        switch node.content {
        case .mapping(let entries) where !(entries.count == 1 && groupValues.contains(entries[0].key)):
            for entry in entries where !parameters.contains(entry.key) {
                throw JobArguments.unknownKey(entry, path: path, known: parameters, of: name)
            }
            self.values = entries.map { ($0.key, $0.value) }
        case .scalar(""):
            self.values = []
        default:
            guard let first = parameters.first else {
                throw JobFileError(node.place, path, "\(name) takes no value; write just \(name)")
            }
            self.values = [(first, node)]
        }
    }

    static func unknownKey(
        _ entry: JobNode.Entry, path: String, known: [String], of name: String
    ) -> JobFileError {
        let key = entry.key.escapedForDisplay(limit: 60)
        let inner = path.isEmpty ? key : "\(path).\(key)"
        if let nearest = nearestWord(to: entry.key, among: known) {
            return JobFileError(entry.keyPlace, inner, "unknown key; did you mean \(nearest)?")
        }
        let list = known.isEmpty ? "\(name) takes none" : "\(name) knows \(known.joined(separator: ", "))"
        return JobFileError(entry.keyPlace, inner, "unknown key; \(list)")
    }

    func node(_ key: String) -> JobNode? { values.first { $0.key == key }?.node }

    func innerPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func required(_ key: String) throws(JobFileError) -> JobNode {
        guard let node = node(key) else {
            throw JobFileError(place, path, "\(name) needs \(key); add \(key): …")
        }
        return node
    }

    /// A whole number of at least `minimum`; nil where the key is absent.
    func integer(_ key: String, atLeast minimum: Int, atMost maximum: Int = 1 << 40) throws(JobFileError) -> Int? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let text) = node.content, let value = JobArguments.wholeNumber(text) else {
            throw JobFileError(node.place, innerPath(key), "\(node.kind) is no whole number")
        }
        guard value >= minimum, value <= maximum else {
            throw JobFileError(
                node.place, innerPath(key),
                value < minimum
                    ? "\(value) is too small; at least \(minimum)" : "\(value) is too large; at most \(maximum)")
        }
        return value
    }

    func requiredInteger(
        _ key: String, atLeast minimum: Int, atMost maximum: Int = 1 << 40
    ) throws(JobFileError) -> Int {
        _ = try required(key)
        guard let value = try integer(key, atLeast: minimum, atMost: maximum) else {
            throw JobFileError(place, path, "\(name) needs \(key)")
        }
        return value
    }

    /// A finite number for which `holds`; nil where the key is absent.
    func number(_ key: String, _ range: String, where holds: (Double) -> Bool) throws(JobFileError) -> Double? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let text) = node.content, let value = Double(text), value.isFinite else {
            throw JobFileError(node.place, innerPath(key), "\(node.kind) is no number")
        }
        guard holds(value) else {
            throw JobFileError(node.place, innerPath(key), "\(text.escapedForDisplay()) is out of range; \(range)")
        }
        return value
    }

    /// Finite numbers: a list, or one by itself; nil where the key is absent.
    func numbers(_ key: String) throws(JobFileError) -> [Double]? {
        guard let node = node(key) else { return nil }
        let items: [JobNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var numbers: [Double] = []
        for item in items {
            guard case .scalar(let text) = item.content, let number = Double(text), number.isFinite else {
                throw JobFileError(item.place, innerPath(key), "\(item.kind) is no number")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// Whole numbers of at least 1, increasing; nil where the key is absent.
    func increasingIntegers(_ key: String) throws(JobFileError) -> [Int]? {
        guard let node = node(key) else { return nil }
        let items: [JobNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var numbers: [Int] = []
        for item in items {
            guard case .scalar(let text) = item.content, let number = JobArguments.wholeNumber(text) else {
                throw JobFileError(item.place, innerPath(key), "\(item.kind) is no whole number")
            }
            guard number > numbers.last ?? 0 else {
                throw JobFileError(
                    item.place, innerPath(key), "\(number) does not increase; write a list like [10, 20]")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// `[0.8, 1.2]`; nil where the key is absent.
    func range(_ key: String) throws(JobFileError) -> ClosedRange<Double>? {
        guard let node = node(key), let numbers = try numbers(key) else { return nil }
        guard numbers.count == 2, numbers[0] <= numbers[1] else {
            throw JobFileError(node.place, innerPath(key), "a range is two numbers in order, like [0.8, 1.2]")
        }
        return numbers[0]...numbers[1]
    }

    /// Texts: a list, or one by itself; nil where the key is absent.
    func texts(_ key: String) throws(JobFileError) -> [String]? {
        guard let node = node(key) else { return nil }
        let items: [JobNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var texts: [String] = []
        for item in items {
            guard case .scalar(let text) = item.content, !text.isEmpty else {
                throw JobFileError(item.place, innerPath(key), "\(item.kind) is no text")
            }
            texts.append(text)
        }
        return texts
    }

    func text(_ key: String) throws(JobFileError) -> String? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let text) = node.content, !text.isEmpty else {
            throw JobFileError(node.place, innerPath(key), "\(node.kind) is no text")
        }
        return text
    }

    func unsigned(_ key: String) throws(JobFileError) -> UInt64? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let text) = node.content, let value = UInt64(text) else {
            throw JobFileError(node.place, innerPath(key), "\(node.kind) is no whole number of at least 0")
        }
        return value
    }

    func boolean(_ key: String) throws(JobFileError) -> Bool? {
        guard let node = node(key) else { return nil }
        switch node.content {
        case .scalar("true"): return true
        case .scalar("false"): return false
        default: throw JobFileError(node.place, innerPath(key), "\(node.kind) is neither true nor false")
        }
    }

    /// `20_000` is a whole number too.
    private static func wholeNumber(_ text: String) -> Int? {
        text.hasPrefix("_") || text.hasSuffix("_") ? nil : Int(text.filter { $0 != "_" })
    }
}
