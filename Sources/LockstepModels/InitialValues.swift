internal import LockstepCore
public import LockstepEngine

/// How parameters start that do not start as PyTorch's. Of several with a parameter's name the first counts.
public struct InitialValues: Sendable, Hashable {
    /// Names, in which `*` stands for any characters: `*.bias`.
    public var names: [String]
    public var values: Initializer

    public init(names: [String], values: Initializer) {
        self.names = names
        self.values = values
    }

    /// - Parameter key: of the rule in a job file.
    /// - Throws: `CommandError.usage`.
    package func validate(key: String) throws {
        let (name, number): (String, Double) =
            switch values {
            case .normal(let deviation, _): ("normal", deviation)
            case .uniform(let bound): ("uniform", bound)
            case .zeros, .ones, .uniformByFanIn, .xavierUniform: ("", 1)
            }
        guard number >= 0, Float(number).isFinite else {
            throw CommandError.usage(
                "\(key).values.\(name): \(number) is not usable; it must be a single-precision number of at least 0")
        }
    }
}
