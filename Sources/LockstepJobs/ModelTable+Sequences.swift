internal import LockstepModels

extension ModelTable {
    /// Layers of sequences.
    static let sequenceLayers: [Block] = [
        Block(key: "embedding", parameters: ["count", "width", "paddingToken"]) { arguments, _ throws(JobFileError) in
            let count = try arguments.requiredInteger("count", atLeast: 1, atMost: 1 << 24)
            return Embedding(
                count, try arguments.requiredInteger("width", atLeast: 1, atMost: 1 << 16),
                paddingToken: try arguments.integer("paddingToken", atLeast: 0, atMost: count - 1))
        },
        Block(key: "learnedPositions", parameters: ["count"]) { arguments, _ throws(JobFileError) in
            LearnedPositions(try arguments.integer("count", atLeast: 1, atMost: 1 << 24))
        },
        Block(key: "lstm", parameters: recurrent) { arguments, _ throws(JobFileError) in
            let inputs = try arguments.integer("inputs", atLeast: 1, atMost: 1 << 16)
            return LSTM(
                inputs, try units(arguments), layers: try layerCount(arguments),
                bidirectional: try arguments.boolean("bidirectional") ?? false,
                dropout: try probability("dropout", arguments) ?? 0)
        },
        Block(key: "gru", parameters: recurrent) { arguments, _ throws(JobFileError) in
            let inputs = try arguments.integer("inputs", atLeast: 1, atMost: 1 << 16)
            return GRU(
                inputs, try units(arguments), layers: try layerCount(arguments),
                bidirectional: try arguments.boolean("bidirectional") ?? false,
                dropout: try probability("dropout", arguments) ?? 0)
        },
        Block(key: "multiheadAttention", parameters: ["width", "heads", "causal", "dropout"]) {
            arguments, _ throws(JobFileError) in
            MultiheadAttention(
                try width(arguments), heads: try heads(arguments), causal: try arguments.boolean("causal") ?? false,
                dropout: try probability("dropout", arguments) ?? 0)
        },
        Block(
            key: "transformerEncoderLayer",
            parameters: [
                "width", "heads", "feedForward", "dropout", "activation", "normFirst", "causal", "epsilon",
            ]
        ) { arguments, scope throws(JobFileError) in
            TransformerEncoderLayer(
                try width(arguments), heads: try heads(arguments),
                feedForward: try arguments.integer("feedForward", atLeast: 1, atMost: 1 << 20) ?? 2048,
                dropout: try probability("dropout", arguments) ?? 0.1,
                activation: try activation(arguments, scope) ?? ReLU(),
                normFirst: try arguments.boolean("normFirst") ?? false,
                causal: try arguments.boolean("causal") ?? false, epsilon: try epsilon(arguments))
        },
        Block(key: "position", parameters: ["index"]) { arguments, _ throws(JobFileError) in
            Position(try arguments.requiredInteger("index", atLeast: -(1 << 24), atMost: 1 << 24))
        },
        Block(key: "last", parameters: []) { _, _ throws(JobFileError) in Last() },
        Block(key: "meanOverPositions", parameters: []) { _, _ throws(JobFileError) in MeanOverPositions() },
    ]

    private static let recurrent = ["units", "inputs", "layers", "bidirectional", "dropout"]

    /// A block that works element by element; nil where the key is absent.
    static func activation(
        _ arguments: JobArguments, _ scope: ModelScope
    ) throws(JobFileError) -> (any Module)? {
        guard let node = arguments.node("activation") else { return nil }
        return try module(
            node, path: arguments.innerPath("activation"), name: "activation", known: activations.map(\.key), scope)
    }

    private static func units(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.requiredInteger("units", atLeast: 1, atMost: 1 << 16)
    }

    private static func layerCount(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.integer("layers", atLeast: 1, atMost: 256) ?? 1
    }

    private static func width(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.requiredInteger("width", atLeast: 1, atMost: 1 << 16)
    }

    private static func heads(_ arguments: JobArguments) throws(JobFileError) -> Int {
        try arguments.requiredInteger("heads", atLeast: 1, atMost: 1 << 16)
    }
}
