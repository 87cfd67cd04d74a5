/// Operations on symbolic values, in the order in which they run. Values and parameters are numbered.
struct Graph: Sendable {
    struct Node: Sendable, Hashable {
        var operation: Operation
        var inputs: [Int]
        var parameters: [Int]
        var results: [Int]
        /// The path of its module; empty where it has none.
        var layer = ""
    }

    /// One sample's share of a value, or what there is of it for each lane.
    struct Value: Sendable, Hashable {
        var shape: [Int]
        var bytesPerElement = 4
        /// There is one for each lane, not for each sample.
        var isPerLane = false

        var elements: Int { shape.reduce(1, *) }
        /// Memory for one sample or lane, in floats.
        var floats: Int { (elements * bytesPerElement + 3) / 4 }
    }

    /// A parameter or buffer as its first use resolved it.
    struct ParameterUse: Sendable, Hashable {
        var name: String
        var shape: [Int]
        var initializer: Initializer
        /// The number of inputs of one output, of which the initial bound is made.
        var fanIn: Int
        var isBuffer = false
    }

    /// No tensor has more elements than this (1 GiB), so that no count of elements or operations overflows.
    static let maximumElements = 1 << 28

    var nodes: [Node] = []
    private(set) var values: [Value] = []
    private(set) var parameters: [ParameterUse] = []

    /// Appends an operation and returns the numbers of its results.
    mutating func append(
        _ operation: Operation, inputs: [Int] = [], parameters: [Int] = [], results: [Value], layer: String = ""
    ) -> [Int] {
        let numbers = Array(values.count..<values.count + results.count)
        values += results
        nodes.append(Node(operation: operation, inputs: inputs, parameters: parameters, results: numbers, layer: layer))
        return numbers
    }

    mutating func append(_ parameter: ParameterUse) -> Int {
        parameters.append(parameter)
        return parameters.count - 1
    }

    /// Drops every node on which nothing after it depends, the last node being what is wanted.
    mutating func dropDeadNodes() {
        var wanted = [Bool](repeating: false, count: values.count)
        var kept: [Node] = []
        for (index, node) in nodes.enumerated().reversed() {
            guard index == nodes.count - 1 || node.results.contains(where: { wanted[$0] }) || node.operation == .input
            else { continue }
            for input in node.inputs { wanted[input] = true }
            kept.append(node)
        }
        nodes = kept.reversed()
    }

    /// The parameters in the order of their first use.
    var parametersInOrderOfUse: [Int] {
        var seen = [Bool](repeating: false, count: parameters.count)
        var order: [Int] = []
        for node in nodes {
            for parameter in node.parameters where !seen[parameter] {
                seen[parameter] = true
                order.append(parameter)
            }
        }
        return order
    }

    /// The rows of the smallest table in which elements of the input are looked up as they are.
    var tokenLimit: Int? {
        var isInput = [Bool](repeating: false, count: values.count)
        var limit: Int?
        for node in nodes {
            switch node.operation {
            case .input: isInput[node.results[0]] = true
            case .reshape, .slice: isInput[node.results[0]] = isInput[node.inputs[0]]
            case .embedding where isInput[node.inputs[0]]:
                let count = parameters[node.parameters[0]].shape[0]
                limit = min(limit ?? count, count)
            default: break
            }
        }
        return limit
    }
}
