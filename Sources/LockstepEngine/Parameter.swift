/// How a parameter starts. Values are a function of the seed, the parameter's name and the element alone.
public enum Initializer: Sendable, Hashable {
    /// PyTorch's default for linear and convolution layers, weights and biases alike: uniform in ±1/√(inputs of one
    /// output).
    case uniformByFanIn
}

/// A trainable tensor of a model. It holds no numbers: those live in the flat state, under the name that the path of
/// stored properties gives (`conv1.weight`).
public final class Parameter: Sendable {
    /// PyTorch's shape; nil for an extent that follows from what comes in.
    public let extents: [Int?]
    public let initializer: Initializer

    public init(_ extents: [Int?], initializer: Initializer = .uniformByFanIn) {
        self.extents = extents
        self.initializer = initializer
    }
}

/// The names of a model's parameters and layers, found once before tracing.
package struct ModelNames {
    /// All parameters in the order of stored properties, each once.
    package private(set) var parameters: [String] = []
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
