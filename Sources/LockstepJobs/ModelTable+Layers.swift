internal import LockstepModels

extension ModelTable {
    /// Layers of flat samples and of images.
    static let layers: [Block] = [
        Block(key: "linear", parameters: ["outputs", "inputs", "bias", "tiedTo"]) {
            arguments, scope throws(JobFileError) in
            if let name = try arguments.text("tiedTo") { return try tied(name, arguments, scope) }
            return Linear(
                try arguments.integer("inputs", atLeast: 1, atMost: 1 << 24),
                try arguments.requiredInteger("outputs", atLeast: 1, atMost: 1 << 24),
                bias: try arguments.boolean("bias") ?? true)
        },
        Block(key: "conv2D", parameters: ["outputs", "inputs", "kernel", "stride", "padding", "bias"]) {
            arguments, _ throws(JobFileError) in
            Conv2D(
                try arguments.integer("inputs", atLeast: 1, atMost: 1 << 16),
                try arguments.requiredInteger("outputs", atLeast: 1, atMost: 1 << 16),
                kernel: try arguments.requiredInteger("kernel", atLeast: 1, atMost: 255),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255) ?? 1,
                padding: try arguments.integer("padding", atLeast: 0, atMost: 127) ?? 0,
                bias: try arguments.boolean("bias") ?? true)
        },
        Block(key: "maxPool2D", parameters: pooling) { arguments, _ throws(JobFileError) in
            MaxPool2D(
                try arguments.requiredInteger("kernel", atLeast: 1, atMost: 15),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255),
                padding: try arguments.integer("padding", atLeast: 0, atMost: 7) ?? 0)
        },
        Block(key: "averagePool2D", parameters: pooling) { arguments, _ throws(JobFileError) in
            AveragePool2D(
                try arguments.requiredInteger("kernel", atLeast: 1, atMost: 255),
                stride: try arguments.integer("stride", atLeast: 1, atMost: 255),
                padding: try arguments.integer("padding", atLeast: 0, atMost: 127) ?? 0)
        },
        Block(key: "adaptiveAveragePool2D", parameters: ["height", "width"]) { arguments, _ throws(JobFileError) in
            AdaptiveAveragePool2D(
                try arguments.requiredInteger("height", atLeast: 1, atMost: 1 << 14),
                try arguments.integer("width", atLeast: 1, atMost: 1 << 14))
        },
        Block(key: "globalAveragePool2D", parameters: []) { _, _ throws(JobFileError) in GlobalAveragePool2D() },
        Block(key: "batchNorm2D", parameters: batchNorm) { arguments, _ throws(JobFileError) in
            BatchNorm2D(
                try arguments.integer("channels", atLeast: 1, atMost: 1 << 24), epsilon: try epsilon(arguments),
                momentum: try momentum(arguments))
        },
        Block(key: "batchNorm1D", parameters: batchNorm) { arguments, _ throws(JobFileError) in
            BatchNorm1D(
                try arguments.integer("channels", atLeast: 1, atMost: 1 << 24), epsilon: try epsilon(arguments),
                momentum: try momentum(arguments))
        },
        Block(key: "layerNorm", parameters: ["width", "epsilon", "affine"]) { arguments, _ throws(JobFileError) in
            LayerNorm(
                try arguments.integer("width", atLeast: 1, atMost: 1 << 24), epsilon: try epsilon(arguments),
                affine: try arguments.boolean("affine") ?? true)
        },
        Block(key: "dropout", parameters: ["probability"]) { arguments, _ throws(JobFileError) in
            Dropout(try probability("probability", arguments) ?? 0.5)
        },
        Block(key: "flatten", parameters: []) { _, _ throws(JobFileError) in Flatten() },
        Block(key: "softmax", parameters: []) { _, _ throws(JobFileError) in Softmax() },
    ]

    /// What works element by element.
    static let activations: [Block] = [
        Block(key: "relu", parameters: []) { _, _ throws(JobFileError) in ReLU() },
        Block(key: "sigmoid", parameters: []) { _, _ throws(JobFileError) in Sigmoid() },
        Block(key: "tanh", parameters: []) { _, _ throws(JobFileError) in Tanh() },
        Block(key: "silu", parameters: []) { _, _ throws(JobFileError) in SiLU() },
        Block(key: "softplus", parameters: []) { _, _ throws(JobFileError) in Softplus() },
        Block(key: "gelu", parameters: ["approximate"]) { arguments, _ throws(JobFileError) in
            GELU(approximate: try arguments.boolean("approximate") ?? false)
        },
        Block(key: "leakyReLU", parameters: ["slope"]) { arguments, _ throws(JobFileError) in
            LeakyReLU(try arguments.number("slope", "slope is at least 0") { $0 >= 0 } ?? 0.01)
        },
        Block(key: "elu", parameters: ["alpha"]) { arguments, _ throws(JobFileError) in
            ELU(try arguments.number("alpha", "alpha is greater than 0") { $0 > 0 } ?? 1)
        },
    ]

    private static let pooling = ["kernel", "stride", "padding"]
    private static let batchNorm = ["channels", "epsilon", "momentum"]

    private static func tied(
        _ name: String, _ arguments: JobArguments, _ scope: ModelScope
    ) throws(JobFileError) -> any Module {
        for key in ["outputs", "inputs"] {
            guard let node = arguments.node(key) else { continue }
            throw JobFileError(
                node.place, arguments.innerPath(key), "a layer that is tiedTo an embedding has its shape; leave it out")
        }
        let place = arguments.node("tiedTo")?.place ?? arguments.place
        return Linear(
            tiedTo: try scope.embedding(name, place, path: arguments.innerPath("tiedTo")),
            bias: try arguments.boolean("bias") ?? false)
    }

    static func probability(_ key: String, _ arguments: JobArguments) throws(JobFileError) -> Double? {
        try arguments.number(key, "0 ≤ \(key) < 1") { $0 >= 0 && $0 < 1 }
    }

    static func epsilon(_ arguments: JobArguments) throws(JobFileError) -> Double {
        try arguments.number("epsilon", "epsilon is greater than 0") { $0 > 0 } ?? 1e-5
    }

    private static func momentum(_ arguments: JobArguments) throws(JobFileError) -> Double {
        try arguments.number("momentum", "0 ≤ momentum ≤ 1") { $0 >= 0 && $0 <= 1 } ?? 0.1
    }
}
