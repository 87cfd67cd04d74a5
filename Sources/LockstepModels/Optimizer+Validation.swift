internal import LockstepCore

extension Optimizer {
    /// Checks every setting.
    ///
    /// - Throws: `CommandError.usage` that names the setting by its key in a job file.
    package func validate() throws {
        if let refused = learningRate.refusal {
            throw refusal("learningRate\(refused.key)", refused.value, refused.allowed)
        }
        for (index, group) in groups.enumerated() { try group.validate(key: key(ofGroup: index)) }
        switch self {
        case .sgd(_, let momentum, let dampening, let nesterov, _):
            try checkPart("momentum", momentum)
            guard dampening >= 0, dampening <= 1 else {
                throw refusal("dampening", "\(dampening)", "at least 0 and at most 1")
            }
            guard !nesterov || (momentum > 0 && dampening == 0) else {
                throw refusal("nesterov", "true", "false where momentum is 0 or dampening is not 0")
            }
        case .adam(_, let beta1, let beta2, let epsilon, _):
            try checkPart("beta1", beta1)
            try checkPart("beta2", beta2)
            try checkEpsilon(epsilon)
        case .adamW(_, let beta1, let beta2, let epsilon, let weightDecay, _):
            try checkPart("beta1", beta1)
            try checkPart("beta2", beta2)
            try checkEpsilon(epsilon)
            try checkAmount("weightDecay", weightDecay)
        case .rmsprop(_, let alpha, let epsilon, let momentum, _):
            try checkPart("alpha", alpha)
            try checkPart("momentum", momentum)
            try checkEpsilon(epsilon)
        case .adagrad(_, let learningRateDecay, let epsilon, _):
            try checkAmount("learningRateDecay", learningRateDecay)
            try checkEpsilon(epsilon)
        }
    }

    private func checkPart(_ key: String, _ value: Double) throws {
        guard value >= 0, Float(value) < 1 else { throw refusal(key, "\(value)", "at least 0 and below 1") }
    }

    private func checkAmount(_ key: String, _ value: Double) throws {
        guard value >= 0, Float(value).isFinite else {
            throw refusal(key, "\(value)", "a single-precision number of at least 0")
        }
    }

    private func checkEpsilon(_ epsilon: Double) throws {
        // Zero, also by underflow, would make 0/0 of a parameter whose gradient is zero.
        guard Float(epsilon) > 0, Float(epsilon).isFinite else {
            throw refusal("epsilon", "\(epsilon)", "a positive single-precision number")
        }
    }

    /// The key of a group in a job file.
    func key(ofGroup index: Int) -> String { "optimizer.\(name).groups.\(index)" }

    private var name: Substring { description.prefix { $0 != "(" } }

    private func refusal(_ key: String, _ value: String, _ allowed: String) -> CommandError {
        CommandError.usage("optimizer.\(name).\(key): \(value) is not usable; it must be \(allowed)")
    }
}
