/// To a member: feed your state, and what becomes of it, to this process. Another feed of the same process ends.
package struct Feed: Sendable, Hashable, Codable {
    package var observer: WorkerAddress

    package init(observer: WorkerAddress) { self.observer = observer }
}

/// From a source: a feed has ended, or could not be begun.
package struct FeedLost: Sendable, Hashable, Codable {
    package var observer: String
    package var process: ProcessNumber
    package var reason: String

    package init(observer: String, process: ProcessNumber, reason: String) {
        self.observer = observer
        self.process = process
        self.reason = reason
    }
}

/// From a process that is no member: who feeds it, and how far it is.
package struct Observing: Sendable, Hashable, Codable {
    /// The member whose feed is open; nil for none.
    package var source: String?
    /// Whether it has the state, and nothing waited behind the last thing that it took. Never without a source.
    package var isCaughtUp: Bool
    /// The state that it holds.
    package var point: StatePoint
    /// Why there is no source any more.
    package var reason: String?

    package init(source: String?, isCaughtUp: Bool, point: StatePoint, reason: String? = nil) {
        self.source = source
        self.isCaughtUp = isCaughtUp
        self.point = point
        self.reason = reason
    }
}

/// To a process that may observe: see whether you can dial all of these. Answered by `Preflighted`.
package struct Preflight: Sendable, Hashable, Codable {
    package var generation: UInt32
    package var members: [WorkerAddress]
    /// Nanoseconds in which each must have answered.
    package var limit: UInt64

    package init(generation: UInt32, members: [WorkerAddress], limit: UInt64 = 500_000_000) {
        self.generation = generation
        self.members = members
        self.limit = limit
    }
}

/// The answer to a preflight.
package struct Preflighted: Sendable, Hashable, Codable {
    package var generation: UInt32
    /// Names of the members that did not answer.
    package var outOfReach: [String]

    package init(generation: UInt32, outOfReach: [String]) {
        self.generation = generation
        self.outOfReach = outOfReach
    }
}
