internal import LockstepCore

/// Parameters that an optimizer treats in a way of their own, as a parameter group of PyTorch. Of several groups with a
/// parameter's name the first counts.
public struct ParameterGroup: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Names, in which `*` stands for any characters: `*.bias`.
    public var names: [String]
    /// Instead of the weight decay of AdamW, or with other optimizers of the L2 penalty; nil keeps it.
    public var weightDecay: Double?
    /// What the learning rate is multiplied by; with 0 they stay as they are.
    public var learningRateFactor: Double

    public init(names: [String], weightDecay: Double? = nil, learningRateFactor: Double = 1) {
        self.names = names
        self.weightDecay = weightDecay
        self.learningRateFactor = learningRateFactor
    }

    public var description: String {
        text(
            "group", ("names", "\(names)"), ("weightDecay", weightDecay), ("learningRateFactor", learningRateFactor))
    }

    /// - Parameter key: of the group in a job file.
    func validate(key: String) throws {
        if let weightDecay {
            guard weightDecay >= 0, Float(weightDecay).isFinite else {
                throw CommandError.usage(
                    "\(key).weightDecay: \(weightDecay) is not usable; it must be a single-precision number of at least 0"
                )
            }
        }
        guard learningRateFactor >= 0, Float(learningRateFactor).isFinite else {
            throw CommandError.usage(
                "\(key).learningRateFactor: \(learningRateFactor) is not usable; it must be a single-precision number of at least 0"
            )
        }
    }
}
