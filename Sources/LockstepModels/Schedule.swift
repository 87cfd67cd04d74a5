package import LockstepEngine

/// A learning rate as a function of the step. A number is a constant rate.
///
/// All rise in a line over `warmUpSteps` steps W first: step t ≤ W has from·t/W. Steps count from 1.
public enum Schedule: Sendable, Hashable, Codable, CustomStringConvertible, ExpressibleByFloatLiteral {
    case constant(Double, warmUpSteps: Int = 0)
    /// Falls along half a cosine towards zero at the last step.
    case cosine(from: Double, warmUpSteps: Int = 0)
    /// Multiplied by `factor` after every `every` steps behind the warm-up, as PyTorch's `StepLR`.
    case steps(from: Double, every: Int, factor: Double = 0.1, warmUpSteps: Int = 0)
    /// Multiplied by `factor` after each of these steps of the run, as PyTorch's `MultiStepLR`.
    case milestones(from: Double, at: [Int], factor: Double = 0.1, warmUpSteps: Int = 0)
    /// Multiplied by `decay` after every step behind the warm-up, as PyTorch's `ExponentialLR`.
    case exponential(from: Double, decay: Double, warmUpSteps: Int = 0)
    /// In a line from `from` to `to` over `steps` steps behind the warm-up; the step after them is the first with `to`.
    case linear(from: Double, to: Double, steps: Int, warmUpSteps: Int = 0)
    /// Multiplied by `factor` whenever the loss of more than `patience` evaluations in a row was not below the least one
    /// so far by more than `minimumDelta`, down to `minimum`, as PyTorch's `ReduceLROnPlateau` with absolute thresholds.
    case plateau(
        from: Double, factor: Double = 0.1, patience: Int = 10, minimumDelta: Double = 1e-4, minimum: Double = 0,
        warmUpSteps: Int = 0)

    public init(floatLiteral value: Double) { self = .constant(value) }

    /// The rate of step `step` of `steps`, both counted from 1.
    ///
    /// A cosine after W warm-up steps of T is from·½(1 + cos(π(t−1−W)/(T−W))), evaluated as
    /// from·sin²(π/2 · (T−t+1)/(T−W)), which loses no digits near the end. The sine is the kernels', so that the bits
    /// are the same on every machine.
    ///
    /// - Parameter plateauFactor: by what a plateau has reduced the rate so far, `WatchState.plateauFactor`.
    package func rate(atStep step: Int, of steps: Int, plateauFactor: Double = 1, kernels: Kernels) -> Double {
        if step <= warmUpSteps { return from * Double(step) / Double(warmUpSteps) }
        // Steps behind the warm-up that are done.
        let done = step - 1 - warmUpSteps
        switch self {
        case .constant(let rate, _): return rate
        case .cosine(let from, _):
            let left = Double(max(0, steps - step + 1)) / Double(max(1, steps - warmUpSteps))
            let angle = Double.pi / 2 * left
            let sine = Double(kernels.sine(Float(angle)))
            return from * (sine * sine)
        case .steps(let from, let every, let factor, _):
            return from * OptimizerStep.power(factor, done / max(1, every))
        case .milestones(let from, let milestones, let factor, _):
            return from * OptimizerStep.power(factor, milestones.count { $0 < step })
        case .exponential(let from, let decay, _): return from * OptimizerStep.power(decay, done)
        case .linear(let from, let to, let length, _):
            let part = Double(min(done, length)) / Double(max(1, length))
            let (rest, gain) = (from * (1 - part), to * part)
            return rest + gain
        case .plateau(let from, _, _, _, let minimum, _): return max(from * plateauFactor, minimum)
        }
    }

    /// The rate behind the warm-up.
    package var from: Double {
        switch self {
        case .constant(let from, _), .cosine(let from, _), .steps(let from, _, _, _),
            .milestones(let from, _, _, _), .exponential(let from, _, _), .linear(let from, _, _, _),
            .plateau(let from, _, _, _, _, _):
            from
        }
    }

    package var warmUpSteps: Int {
        switch self {
        case .constant(_, let steps), .cosine(_, let steps), .steps(_, _, _, let steps),
            .milestones(_, _, _, let steps), .exponential(_, _, let steps), .linear(_, _, _, let steps),
            .plateau(_, _, _, _, _, let steps):
            steps
        }
    }

    public var description: String {
        let warmUp = (
            name: "warmUpSteps", value: warmUpSteps == 0 ? nil : warmUpSteps as (any CustomStringConvertible)?
        )
        return switch self {
        case .constant(let rate, 0): "\(rate)"
        case .constant(let rate, _): text("constant", ("rate", rate), warmUp)
        case .cosine(let from, let warmUpSteps): text("cosine", ("from", from), ("warmUpSteps", warmUpSteps))
        case .steps(let from, let every, let factor, _):
            text("steps", ("from", from), ("every", every), ("factor", factor), warmUp)
        case .milestones(let from, let milestones, let factor, _):
            text("milestones", ("from", from), ("at", "\(milestones)"), ("factor", factor), warmUp)
        case .exponential(let from, let decay, _): text("exponential", ("from", from), ("decay", decay), warmUp)
        case .linear(let from, let to, let steps, _):
            text("linear", ("from", from), ("to", to), ("steps", steps), warmUp)
        case .plateau(let from, let factor, let patience, let minimumDelta, let minimum, _):
            text(
                "plateau", ("from", from), ("factor", factor), ("patience", patience),
                ("minimumDelta", minimumDelta), ("minimum", minimum), warmUp)
        }
    }
}
