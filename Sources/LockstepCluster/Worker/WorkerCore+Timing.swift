internal import LockstepCollectives
internal import LockstepCore

extension WorkerCore {
    /// Durations in nanoseconds. All that notice a failure are multiplied by the roster's patience.
    package struct Timing: Sendable {
        /// Reports of steps go out at most this often.
        package var progressInterval: UInt64 = 100_000_000
        /// From START until all links are there.
        package var linking: UInt64 = 25_000_000_000
        /// A connection to the coordinator on which nothing was heard for this long is given up, and dialled again. The
        /// coordinator pings every second.
        package var silence: UInt64 = 30_000_000_000
        /// A coordinator that was not heard for this long is given up, and the worker ends.
        package var patience: UInt64 = 600_000_000_000

        package init() {}

        #if LOCKSTEP_FAILPOINTS
        /// For tests that time-outs decide nothing: all that notice a failure become this short.
        package mutating func shorten(to nanoseconds: UInt64) {
            linking = nanoseconds
            silence = nanoseconds
        }
        #endif
    }

    /// What a coordinator asks for is no more than that, so that no sum of times overflows: an hour.
    static let longestReach: UInt64 = 3_600_000_000_000

    /// From the message that begins a generation until all links are there.
    var linkingTime: UInt64 {
        guard let roster else { return timing.linking }
        let allowance = roster.linkingAllowance(links: roster.exchange.links)
        return timing.linking * UInt64(roster.patience) + allowance
    }

    /// Longer after each connection that was given up for it: it may be the coordinator's disk that is slow.
    private var silence: UInt64 { (timing.silence * UInt64(roster?.patience ?? 1)) << UInt64(min(silences, 6)) }

    /// The coordinator lives.
    mutating func hear(_ now: UInt64) {
        if connection != nil { silentAt = now + silence }
        if patienceUntil != nil { patienceUntil = now + timing.patience }
    }

    /// For messages.
    private func seconds(_ nanoseconds: UInt64) -> String {
        nanoseconds.isMultiple(of: 1_000_000_000)
            ? "\(nanoseconds / 1_000_000_000)" : "\(Double(nanoseconds) / 1e9)"
    }

    mutating func handleTick(_ now: UInt64) -> [WorkerAction] {
        if let patienceUntil, now >= patienceUntil {
            return exit(
                .temporary, "the coordinator has not been heard for \(seconds(timing.patience)) s")
        }
        var actions: [WorkerAction] = []
        if let silentAt, now >= silentAt {
            actions += dropConnection("nothing was heard on it for \(seconds(silence)) s")
            silences += 1
        }
        if isWelcome, hasNews, reportsAtOnce, now >= progressAt { actions += flushReports(now) }
        if let drainingUntil, now >= drainingUntil { actions += settle(now) }
        if let linkingUntil, now >= linkingUntil {
            self.linkingUntil = nil
            let reason = "no link after \(seconds(linkingTime)) s"
            for peer in missingLinks { actions += handleLinkLost(peer, running, reason, now) }
        }
        return actions
    }
}
