/// In what order a worker dials the members that it has to dial, and how many at a time.
///
/// In a pair the member later in roster order dials the earlier one. A worker begins with the member just before it, so
/// that in every round each member is dialled by one other at most; and it dials few at a time, so that handshakes end
/// soon after they begin however many workers share a machine. Where they do not, and the other side gives one up, fewer
/// are in flight from then on.
///
/// An attempt may last as long as linking does. A dialler that gave up earlier would close links that the other side has
/// already let in, and that side would take it for a loss.
package struct DialQueue: Sendable {
    /// A data link to open: to which member, and on which rail.
    package struct Dial: Sendable, Hashable {
        package let member: Int
        package let rail: Int

        package init(member: Int, rail: Int) {
            self.member = member
            self.rail = rail
        }
    }

    package struct Attempt: Sendable, Hashable {
        package let dial: Dial
        /// Nanoseconds to wait before it begins.
        package let pause: UInt64
        /// Nanoseconds that it may last from then on.
        package let limit: UInt64
    }

    package struct Timing: Sendable {
        /// Of all rails together, at least 1.
        package var mostInFlight = 8
        /// From START, in nanoseconds, without the allowance for many links; the core waits a little longer
        /// (`WorkerCore.Timing`).
        package var patience: UInt64 = 20_000_000_000
        /// Between the end of an attempt and the next one to the same member.
        package var pause: UInt64 = 200_000_000

        package init() {}
    }

    private struct Entry {
        let dial: Dial
        var notBefore: UInt64
    }

    private let timing: Timing
    private let deadline: UInt64
    private var waiting: [Entry]
    private var inFlight: Set<Dial> = []
    /// So many may be in flight now. A failure halves it; it grows by one when so many in a row have ended well.
    private var allowed: Int
    private var successes = 0

    /// - Parameters:
    ///   - own: the dialling member's place in roster order.
    ///   - links: rails, at least 1.
    ///   - allowance: nanoseconds on top of the patience (`Roster.linkingAllowance`).
    ///   - now: nanoseconds of a clock that never goes back.
    package init(own: Int, links: Int, allowance: UInt64 = 0, timing: Timing = Timing(), now: UInt64) {
        self.timing = timing
        allowed = timing.mostInFlight
        deadline = now + timing.patience + allowance
        waiting = (0..<own).reversed().flatMap { member in
            (0..<links).map { Entry(dial: Dial(member: member, rail: $0), notBefore: now) }
        }
    }

    /// Whether every dial has ended, well or not.
    package var isEmpty: Bool { waiting.isEmpty && inFlight.isEmpty }

    /// The next attempt to begin; nil while as many as may be are in flight, and where none waits.
    package mutating func next(at now: UInt64) -> Attempt? {
        guard inFlight.count < allowed, !waiting.isEmpty else { return nil }
        let entry = waiting.removeFirst()
        inFlight.insert(entry.dial)
        let start = max(now, entry.notBefore)
        return Attempt(
            dial: entry.dial, pause: start - now, limit: max(deadline, start + DialQueue.leastLimit) - start)
    }

    /// The link is open.
    package mutating func opened(_ dial: Dial) {
        inFlight.remove(dial)
        successes += 1
        guard successes >= allowed else { return }
        successes = 0
        allowed = min(timing.mostInFlight, allowed + 1)
    }

    /// An attempt has ended without a link.
    ///
    /// - Parameter isWorthRetrying: whether another attempt can end otherwise.
    /// - Returns: whether the member is given up; else it is dialled again after all others.
    package mutating func failed(_ dial: Dial, isWorthRetrying: Bool, at now: UInt64) -> Bool {
        guard inFlight.remove(dial) != nil else { return false }
        allowed = max(1, allowed / 2)
        successes = 0
        guard isWorthRetrying, now + timing.pause < deadline else { return true }
        waiting.append(Entry(dial: dial, notBefore: now + timing.pause))
        return false
    }

    /// What the last attempt gets at least.
    private static let leastLimit: UInt64 = 1_000_000_000
}
