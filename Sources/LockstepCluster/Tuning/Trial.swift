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
    /// No such step begins after so many seconds, but for the first, which is not counted where there is time for another.
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

    /// Nanoseconds that it may take on top of what any trial may.
    ///
    /// - Parameter standstill: what a step may take without a sign.
    func allowance(members: Int, standstill: UInt64) -> UInt64 {
        let sent = BucketForecast.bytesSent(byteCount, members: members, oneHopBytes: settings.oneHopBytes)
        let seconds = Double(warmUpRounds + rounds) * sent / Trial.slowestBytesPerSecond
        // A step has two parts, of which each gives a sign where it is trained.
        return UInt64(min(seconds, 1e9) * 1e9) + (computeSteps > 0 ? 2 * standstill : 0)
    }

    /// What a member sends in a second, where the network is as slow as 32 Mbit/s.
    private static let slowestBytesPerSecond = 4e6
    /// 4 GiB.
    private static let mostElements = 1 << 30
    /// What all of them took fits into one message.
    private static let mostRounds = 10_000
}
