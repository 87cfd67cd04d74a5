/// Says that a snapshot was the best so far when it was written.
package struct BestMark: Sendable, Hashable {
    /// What is watched, as `loss` or `accuracy`.
    package var metric: String
    /// Its value on the validation data; a finite number.
    package var value: Double

    package init(metric: String, value: Double) {
        self.metric = metric
        self.value = value
    }
}
