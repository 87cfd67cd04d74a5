internal import LockstepCore
internal import LockstepModels

/// The blocks that a job file can put in sequence, each with the parameters of its Swift type.
enum ModelTable {
    private struct Block: Sendable {
        let key: String
        let parameters: [String]
        let make: @Sendable (JobArguments) throws(JobFileError) -> any Module
    }

    private static let blocks: [Block] = [
        Block(key: "linear", parameters: ["outputs", "inputs", "bias"]) { arguments throws(JobFileError) in
            Linear(
                try arguments.integer("inputs", atLeast: 1, atMost: 1 << 24),
                try arguments.requiredInteger("outputs", atLeast: 1, atMost: 1 << 24),
                bias: try arguments.boolean("bias") ?? true)
        },
        Block(key: "conv2D", parameters: ["outputs", "inputs", "kernel", "stride", "padding", "bias"]) {
            arguments throws(JobFileError) in
            Conv2D(
                try arguments.integer("inputs", atLeast: 1, atMost: 1 << 16),
                try arguments.requiredInteger("outputs", atLeast: 1, atMost: 1 << 16),
                kernel: try arguments.requiredInteger("kernel", atLeast: 1, atMost: 255),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255) ?? 1,
                padding: try arguments.integer("padding", atLeast: 0, atMost: 127) ?? 0,
                bias: try arguments.boolean("bias") ?? true)
        },
        Block(key: "maxPool2D", parameters: pooling) { arguments throws(JobFileError) in
            MaxPool2D(
                try arguments.requiredInteger("kernel", atLeast: 1, atMost: 15),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255),
                padding: try arguments.integer("padding", atLeast: 0, atMost: 7) ?? 0)
        },
        Block(key: "averagePool2D", parameters: pooling) { arguments throws(JobFileError) in
            AveragePool2D(
                try arguments.requiredInteger("kernel", atLeast: 1, atMost: 255),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255),
                padding: try arguments.integer("padding", atLeast: 0, atMost: 127) ?? 0)
        },
        Block(key: "dropout", parameters: ["probability"]) { arguments throws(JobFileError) in
            Dropout(try arguments.number("probability", "0 ≤ probability < 1") { $0 >= 0 && $0 < 1 } ?? 0.5)
        },
        Block(key: "flatten", parameters: []) { _ throws(JobFileError) in Flatten() },
        Block(key: "relu", parameters: []) { _ throws(JobFileError) in ReLU() },
        Block(key: "sigmoid", parameters: []) { _ throws(JobFileError) in Sigmoid() },
        Block(key: "tanh", parameters: []) { _ throws(JobFileError) in Tanh() },
        Block(key: "softmax", parameters: []) { _ throws(JobFileError) in Softmax() },
        Block(key: "silu", parameters: []) { _ throws(JobFileError) in SiLU() },
        Block(key: "softplus", parameters: []) { _ throws(JobFileError) in Softplus() },
        Block(key: "gelu", parameters: ["approximate"]) { arguments throws(JobFileError) in
            GELU(approximate: try arguments.boolean("approximate") ?? false)
        },
        Block(key: "leakyReLU", parameters: ["slope"]) { arguments throws(JobFileError) in
            LeakyReLU(try arguments.number("slope", "slope is at least 0") { $0 >= 0 } ?? 0.01)
        },
        Block(key: "elu", parameters: ["alpha"]) { arguments throws(JobFileError) in
            ELU(try arguments.number("alpha", "alpha is greater than 0") { $0 > 0 } ?? 1)
        },
    ]

    private static let pooling = ["kernel", "stride", "padding"]
    private static let keys = blocks.map(\.key)

    /// A list of blocks becomes a `Sequential`; a block without a name is counted.
    static func model(_ node: JobNode, path: String) throws(JobFileError) -> any Module {
        guard case .sequence(let items) = node.content else {
            throw JobFileError(node.place, path, "\(node.kind) is no list of blocks; write model: [linear: 10]")
        }
        guard !items.isEmpty else {
            throw JobFileError(node.place, path, "an empty model; add a block, for example linear: 10")
        }
        var modules: [(name: String?, module: any Module)] = []
        for (index, item) in items.enumerated() {
            let named = try block(item, path: "\(path).\(index)")
            if let name = named.name, modules.contains(where: { $0.name == name }) {
                throw JobFileError(item.place, "\(path).\(index)", "the name \(name) stands twice; rename one")
            }
            modules.append(named)
        }
        return Sequential(modules)
    }

    /// `linear: 10`, `relu`, or `output: {linear: 10}`. A name may be a block's word: `dropout: {dropout: 0.25}`.
    private static func block(_ node: JobNode, path: String) throws(JobFileError) -> (name: String?, module: any Module)
    {
        if case .mapping(let entries) = node.content, entries.count == 1, isBlock(entries[0].value),
            !keys.contains(entries[0].key) || !entries[0].value.isScalar
        {
            let name = entries[0].key
            guard isName(name) else {
                throw JobFileError(
                    entries[0].keyPlace, path,
                    "'\(name.escapedForDisplay(limit: 40))' cannot name a block; use letters, digits and '_', a letter first"
                )
            }
            return (name, try module(entries[0].value, path: path))
        }
        return (nil, try module(node, path: path))
    }

    private static func isBlock(_ node: JobNode) -> Bool {
        switch node.content {
        case .scalar(let word): keys.contains(word)
        case .mapping(let entries): entries.count == 1 && keys.contains(entries[0].key)
        case .sequence: false
        }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
        let letters = { (byte: UInt8) in (byte | 32) >= UInt8(ascii: "a") && (byte | 32) <= UInt8(ascii: "z") }
        return letters(first)
            && text.utf8.allSatisfy {
                letters($0) || $0 == UInt8(ascii: "_") || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
            }
    }

    private static func module(_ node: JobNode, path: String) throws(JobFileError) -> any Module {
        let choice = try JobChoice("block", node, path: path, known: keys)
        guard let block = blocks.first(where: { $0.key == choice.word }) else {
            throw JobFileError(node.place, path, "unknown block '\(choice.word)'")
        }
        return try block.make(try choice.arguments(block.parameters))
    }
}
