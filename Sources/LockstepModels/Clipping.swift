internal import LockstepCore

/// A bound on the mean gradient of a step.
public enum Clipping: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The whole gradient is scaled down to this norm where it is longer, as PyTorch's `clip_grad_norm_`.
    case norm(Double)
    /// Each element is clamped to ± this, as PyTorch's `clip_grad_value_`.
    case value(Double)

    public var description: String {
        switch self {
        case .norm(let bound): text("norm", ("bound", bound))
        case .value(let bound): text("value", ("bound", bound))
        }
    }

    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate() throws {
        let (name, bound) =
            switch self {
            case .norm(let bound): ("norm", bound)
            case .value(let bound): ("value", bound)
            }
        guard Float(bound) > 0, Float(bound).isFinite else {
            throw CommandError.usage(
                "clipping.\(name): \(bound) is not usable; it must be a positive single-precision number")
        }
    }
}
