internal import LockstepCore

// What is made once, when an executor is.
extension ExecutorCore {
    /// The most samples that `lanes` adjacent lanes can hold of any batch up to `batchSize`.
    static func capacity(lanes: Int, of laneCount: Int, batchSize: Int) throws -> Int {
        guard (1...1 << 31).contains(batchSize) else {
            throw CommandError.usage("batchSize is \(batchSize); it must be 1 to \(1 << 31)")
        }
        return (lanes * batchSize + laneCount - 1) / laneCount
    }

    static func laneAdditions(count: Int) -> [LaneTree.Addition] {
        let tree = LaneTree(laneCount: count)
        return tree.additions(of: (0..<count).map { LaneTree.Node($0..<$0 + 1) }, to: tree.root) ?? []
    }

    static func copied<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = buffer.initialize(from: elements)
        return UnsafeBufferPointer(buffer)
    }
}
