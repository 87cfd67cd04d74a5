internal import LockstepCore

/// Penalties on the parameters, which enter the gradient once in each update and are no part of the loss that is shown.
public struct Regularization: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Times the sign of each parameter is added to its gradient.
    public var l1: Double
    /// Times each parameter is added to its gradient, as PyTorch's `weight_decay`.
    public var l2: Double

    public init(l1: Double = 0, l2: Double = 0) {
        self.l1 = l1
        self.l2 = l2
    }

    public static let none = Regularization()

    public var description: String { text("regularization", ("l1", l1), ("l2", l2)) }

    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate() throws {
        for (name, value) in [("l1", l1), ("l2", l2)] {
            guard value >= 0, Float(value).isFinite else {
                throw CommandError.usage(
                    "regularization.\(name): \(value) is not usable; it must be a single-precision number of at least 0"
                )
            }
        }
    }
}
