/// A tensor of a model that is part of the state, trainable or a buffer. It holds no numbers: those live in the flat state, under the name that the path of
/// stored properties gives (`conv1.weight`).
public final class Parameter: Sendable {
    /// PyTorch's shape; nil for an extent that follows from what comes in.
    public let extents: [Int?]
    public let initializer: Initializer
    /// True for a buffer, as a running mean: part of the state, but changed by its own rule and not by the optimizer.
    public let isBuffer: Bool

    public init(_ extents: [Int?], initializer: Initializer = .uniformByFanIn, isBuffer: Bool = false) {
        self.extents = extents
        self.initializer = initializer
        self.isBuffer = isBuffer
    }
}

/// The names of a model's parameters and layers, found once before tracing.
package struct ModelNames {
    /// All parameters and buffers in the order of stored properties, each once.
    package private(set) var parameters: [String] = []
    /// By name: how a parameter starts where that is not as its module says.
    package var initializers: [String: Initializer] = [:]
    // Looked up by identity only, never iterated.
    private var parameterNames: [ObjectIdentifier: String] = [:]
    private var layerNames: [ObjectIdentifier: String] = [:]

    package init() {}

    /// Gives `parameter` a name. The first name stays where it is stored in two places.
    package mutating func add(_ parameter: Parameter, name: String) {
        guard parameterNames[ObjectIdentifier(parameter)] == nil else { return }
        parameterNames[ObjectIdentifier(parameter)] = name
        parameters.append(name)
    }

    /// Gives `layer` a name.
    ///
    /// - Returns: false where it has one already.
    @discardableResult
    package mutating func add(layer: AnyObject, name: String) -> Bool {
        guard layerNames[ObjectIdentifier(layer)] == nil else { return false }
        layerNames[ObjectIdentifier(layer)] = name
        return true
    }

    package func name(of parameter: Parameter) -> String? { parameterNames[ObjectIdentifier(parameter)] }

    package func name(ofLayer layer: AnyObject?) -> String? {
        layer.flatMap { layerNames[ObjectIdentifier($0)] }
    }
}
