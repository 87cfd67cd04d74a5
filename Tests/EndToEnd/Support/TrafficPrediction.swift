import LockstepFormats

/// The gradient bytes that each worker sends in a step of a gradient in one bucket on one link, from the contract alone: a
/// second opinion on the program's plan.
///
/// Up to 32 KiB every worker sends its roots to every other. A longer gradient goes in two hops: every worker sends its
/// roots of each other worker's slice to that worker, and the total of its own slice to all others.
struct TrafficPrediction {
    let bytesPerStep: [Int]

    /// - Parameters:
    ///   - lanes: how many each worker computes, in order; they are contiguous.
    ///   - parameters: name and shape of each, as in `run.json`.
    init(lanes: [Int], parameters: JSONValue?) {
        let floats = (parameters?.array ?? []).reduce(0) { sum, parameter in
            let shape = (parameter["shape"]?.array ?? []).compactMap(\.int)
            // Every tensor begins at a multiple of 64 bytes.
            return sum + (shape.reduce(1, *) + 15) / 16 * 16
        }
        let units = floats / 16
        let count = lanes.count
        let slices = lanes.indices.map { 16 * (units * ($0 + 1) / count - units * $0 / count) }
        let laneCount = lanes.reduce(0, +)
        var bytes: [Int] = []
        var first = 0
        for (index, own) in lanes.enumerated() {
            let roots = TrafficPrediction.rootCount(first..<first + own, of: laneCount)
            let isOneHop = 4 * floats <= 32 << 10
            bytes.append(
                isOneHop
                    ? 4 * roots * floats * (count - 1)
                    : 4 * roots * (floats - slices[index]) + 4 * slices[index] * (count - 1))
            first += own
        }
        bytesPerStep = bytes
    }

    /// How many complete subtrees of the canonical tree over 0..<count make up `lanes`.
    static func rootCount(_ lanes: Range<Int>, of count: Int) -> Int { rootCount(lanes, in: 0..<count) }

    private static func rootCount(_ lanes: Range<Int>, in node: Range<Int>) -> Int {
        guard lanes.overlaps(node) else { return 0 }
        if lanes.lowerBound <= node.lowerBound, node.upperBound <= lanes.upperBound { return 1 }
        var half = 1
        while half * 2 < node.count { half *= 2 }
        let middle = node.lowerBound + half
        return rootCount(lanes, in: node.lowerBound..<middle) + rootCount(lanes, in: middle..<node.upperBound)
    }
}
