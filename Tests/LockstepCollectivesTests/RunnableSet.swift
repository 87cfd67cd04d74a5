/// A set of small numbers from which one is picked by chance, all operations in constant time.
struct RunnableSet {
    private(set) var items: [Int] = []
    /// For each number its index in `items`, or -1.
    private var places: [Int]

    init(capacity: Int) { places = [Int](repeating: -1, count: capacity) }

    mutating func set(_ item: Int, _ isRunnable: Bool) {
        let place = places[item]
        if isRunnable, place < 0 {
            places[item] = items.count
            items.append(item)
        } else if !isRunnable, place >= 0 {
            let last = items.removeLast()
            places[item] = -1
            guard last != item else { return }
            items[place] = last
            places[last] = place
        }
    }
}
