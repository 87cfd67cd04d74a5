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

    /// One sample's share of a value that lives in the arena.
    struct Value: Sendable, Hashable {
        var shape: [Int]
        var bytesPerElement = 4

        var elements: Int { shape.reduce(1, *) }
        /// Memory for one sample, in floats.
        var floats: Int { (elements * bytesPerElement + 3) / 4 }
    }

    /// A parameter as its first use resolved it.
    struct ParameterUse: Sendable, Hashable {
        var name: String
        var shape: [Int]
        var initializer: Initializer
        /// The number of inputs of one output, of which the initial bound is made.
        var fanIn: Int
    }

    /// No tensor has more elements than this (1 GiB), so that no count of elements or operations overflows.
    static let maximumElements = 1 << 28

    private(set) var nodes: [Node] = []
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

    /// Merges each ReLU into the product or convolution before it, where nothing else reads what lies between.
    mutating func fuseActivations() {
        var readers = [Int](repeating: 0, count: values.count)
        var producer = [Int](repeating: -1, count: values.count)
        for node in nodes {
            for input in node.inputs { readers[input] += 1 }
        }
        var fused: [Node] = []
        for node in nodes {
            if node.operation == .relu, readers[node.inputs[0]] == 1, producer[node.inputs[0]] >= 0,
                let operation = fused[producer[node.inputs[0]]].operation.withActivation
            {
                let index = producer[node.inputs[0]]
                fused[index].operation = operation
                fused[index].results = node.results
                producer[node.results[0]] = index
            } else {
                for result in node.results { producer[result] = fused.count }
                fused.append(node)
            }
        }
        nodes = fused
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
}

extension Operation {
    /// The operation with a ReLU merged in, or nil where it takes none.
    fileprivate var withActivation: Operation? {
        switch self {
        case .linear(relu: false): .linear(relu: true)
        case .convolution2D(relu: false, let window): .convolution2D(relu: true, window)
        default: nil
        }
    }
}
