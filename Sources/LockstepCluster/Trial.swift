package import LockstepCollectives

/// An all-reduce of a vector that is nobody's gradient, several times over, to see how long it takes.
package struct Trial: Sendable, Equatable, Codable {
    /// As in a step; `links` are the rails from 0 on that take part.
    package var settings: ExchangeSettings
    /// Floats in the vector.
    package var elementCount: Int
    /// Counted rounds.
    package var rounds: Int
    /// Rounds before them, in which every sum is checked.
    package var warmUpRounds: Int
    /// How often the job's step is computed, on zero inputs and without an exchange, to see when each part of the gradient
    /// is complete; 0 for not at all.
    package var computeSteps: Int
    /// No such step begins after so many seconds, but for the first, which is not counted, and one more.
    package var computeSeconds: Double

    package init(
        settings: ExchangeSettings, elementCount: Int, rounds: Int, warmUpRounds: Int, computeSteps: Int = 0,
        computeSeconds: Double = 0.1
    ) {
        self.settings = settings
        self.elementCount = elementCount
        self.rounds = rounds
        self.warmUpRounds = warmUpRounds
        self.computeSteps = computeSteps
        self.computeSeconds = computeSeconds
    }

    /// Bytes of the vector.
    package var byteCount: Int { 4 * elementCount }

    /// Why a worker cannot carry it out; nil where it can. It comes from outside.
    ///
    /// - Parameter links: those that the generation has.
    package func objection(links: Int) -> String? {
        if !(1...Trial.mostElements).contains(elementCount) { return "a vector of \(elementCount) floats" }
        if !(1...Trial.mostRounds).contains(rounds) { return "\(rounds) rounds" }
        if !(0...Trial.mostRounds).contains(warmUpRounds) { return "\(warmUpRounds) rounds to warm up" }
        if !(0...1000).contains(computeSteps) { return "\(computeSteps) steps to compute" }
        if !computeSeconds.isFinite || computeSeconds < 0 { return "a limit of \(computeSeconds) s" }
        return (1...max(1, links)).contains(settings.links) ? nil : "\(settings.links) links of \(links)"
    }

    /// 4 GiB.
    private static let mostElements = 1 << 30
    /// What all of them took fits into one message.
    private static let mostRounds = 10_000
}
