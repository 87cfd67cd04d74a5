// Merging of operations, so that what one has just made is not written to memory and read again for the next. It
// changes no bit: the merged kernels do the same in the same order.
extension Graph {
    /// Merges each elementwise operation into the product, convolution or normalisation that makes what it reads, where
    /// nothing else reads that.
    mutating func fuse() {
        var readers = [Int](repeating: 0, count: values.count)
        for node in nodes { for input in node.inputs { readers[input] += 1 } }
        // By value: its node among the fused ones.
        var producer = [Int](repeating: -1, count: values.count)
        var fused: [Node] = []
        for node in nodes {
            // The operand made last, and after all others: then they are there when its node runs.
            let latest = node.inputs.max { producer[$0] < producer[$1] }
            if let latest, node.inputs.allSatisfy({ $0 == latest || producer[$0] < producer[latest] }),
                fused[producer[latest]].results[0] == latest,
                let merged = fused[producer[latest]].merged(with: node, by: latest, readers: readers[latest])
            {
                fused[producer[latest]] = merged
                for result in node.results { producer[result] = producer[latest] }
            } else {
                for result in node.results { producer[result] = fused.count }
                fused.append(node)
            }
        }
        nodes = fused
        mergeBiasGradients()
    }
}

extension Graph.Node {
    /// This node with an elementwise `next` in it, or nil where it cannot take that.
    ///
    /// - Parameters:
    ///   - value: this node's first result, which `next` reads.
    ///   - readers: how often that is read.
    fileprivate func merged(with next: Graph.Node, by value: Int, readers: Int) -> Graph.Node? {
        var merged = self
        guard merged.operation.takes(next.operation, argumentIsRead: readers > 1) else { return nil }
        merged.results[0] = next.results[0]
        merged.inputs += next.inputs.filter { $0 != value }
        if merged.operation.epilogue?.keepsArgument == true, operation.epilogue?.keepsArgument == false {
            merged.results.append(value)
        }
        return merged
    }
}

extension Operation {
    fileprivate var epilogue: Epilogue? {
        switch self {
        case .linear(let epilogue), .linearDataGradient(let epilogue), .convolution2D(_, let epilogue),
            .convolution2DDataGradient(_, let epilogue):
            epilogue
        default: nil
        }
    }

    /// Takes an operation in, as the last thing that is done.
    ///
    /// - Returns: whether it can.
    fileprivate mutating func takes(_ next: Operation, argumentIsRead: Bool) -> Bool {
        switch self {
        case .linear(var epilogue):
            guard epilogue.takes(next, argumentIsRead) else { return false }
            self = .linear(epilogue)
        case .linearDataGradient(var epilogue):
            guard epilogue.takes(next, argumentIsRead) else { return false }
            self = .linearDataGradient(epilogue)
        case .convolution2D(let window, var epilogue):
            guard epilogue.takes(next, argumentIsRead) else { return false }
            self = .convolution2D(window, epilogue)
        case .convolution2DDataGradient(let window, var epilogue):
            guard epilogue.takes(next, argumentIsRead) else { return false }
            self = .convolution2DDataGradient(window, epilogue)
        case .batchNorm(var own):
            guard !argumentIsRead, own.takes(next) else { return false }
            self = .batchNorm(own)
        case .batchNormInference(var own):
            guard !argumentIsRead, own.takes(next) else { return false }
            self = .batchNormInference(own)
        case .layerNormGradient(hasResidual: false):
            guard !argumentIsRead, next == .add else { return false }
            self = .layerNormGradient(hasResidual: true)
        default: return false
        }
        return true
    }
}

extension Operation.Epilogue {
    fileprivate mutating func takes(_ next: Operation, _ argumentIsRead: Bool) -> Bool {
        let isBare = function == nil && !hasResidual && derivative == nil
        switch next {
        case .relu where isBare && !argumentIsRead: function = .relu
        case .activation(let own) where isBare && (!argumentIsRead || !own.savesResult):
            (function, keepsArgument) = (.activation(own), argumentIsRead)
        case .add where !argumentIsRead && !hasResidual && derivative == nil: hasResidual = true
        case .reluGradient where !argumentIsRead && function == nil && derivative == nil: derivative = .relu
        case .activationGradient(let own) where !argumentIsRead && function == nil && derivative == nil:
            derivative = .activation(own)
        default: return false
        }
        return true
    }
}

extension Operation.BatchNormalization {
    fileprivate mutating func takes(_ next: Operation) -> Bool {
        switch next {
        case .add where !hasResidual && !relu: hasResidual = true
        case .relu where !relu: relu = true
        default: return false
        }
        return true
    }
}
