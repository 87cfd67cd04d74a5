/// Ends a run whose evaluation does not get better.
public struct EarlyStopping: Sendable, Hashable, Codable, CustomStringConvertible {
    /// `loss`, or the name of a metric's value.
    public var metric: String
    /// The run ends after so many evaluations in a row that were not better.
    public var patience: Int
    /// Better means by more than this.
    public var minimumDelta: Double
    /// The run's last state has the parameters of its best evaluation.
    public var restoreBest: Bool

    public init(metric: String = "loss", patience: Int, minimumDelta: Double = 0, restoreBest: Bool = false) {
        self.metric = metric
        self.patience = patience
        self.minimumDelta = minimumDelta
        self.restoreBest = restoreBest
    }

    public var description: String {
        text(
            "earlyStopping", ("metric", metric), ("patience", patience), ("minimumDelta", minimumDelta),
            ("restoreBest", restoreBest))
    }
}
