internal import LockstepCore

/// What the coordinator knows of a process that is no member, on its way to hold what the members hold.
struct Observation: Sendable {
    /// A preflight that is not answered.
    struct Check: Sendable {
        let generation: UInt32
        let members: [WorkerAddress]
        var until: UInt64
    }

    /// A member that was told to feed it.
    struct Source: Sendable {
        let name: String
        let process: ProcessNumber
        let since: UInt64
        /// The process has said that the feed is open.
        var isOpen: Bool
        /// By when it must be open, or caught up with; nil where it is.
        var until: UInt64?
    }

    var check: Check?
    /// Members that it can dial, and that it cannot.
    private(set) var reachable: [ProcessNumber] = []
    private(set) var unreachable: [ProcessNumber] = []
    private(set) var source: Source?
    /// It has said so last.
    private(set) var isCaughtUp = false
    /// It has said so once of the feed that is open.
    private(set) var hasCaughtUp = false
    /// Feeds in a row that came to nothing, and members of whom that is known.
    private(set) var failures = 0
    private(set) var failedSources: [ProcessNumber] = []
    /// Changes that were made for it, and that it had no part in.
    private var misses = 0
    /// Before this nobody is told to feed it.
    private(set) var nextFeedAt: UInt64 = 0
    /// What it was given proved wrong: only a new copy counts.
    private var needsCopy = false
    /// Feeds in a row that did not last.
    private var shortFeeds: UInt64 = 0

    /// After so many feeds that came to nothing it is taken in as it is.
    static let mostFailures = 3
    private static let mostFailedSources = 15
    /// A feed that lasted so long was none in vain.
    private static let longFeed: UInt64 = 60_000_000_000
    /// Feeds that end soon are begun anew after a pause, doubling.
    private static let pause: UInt64 = 1_000_000_000

    /// Nobody could feed it, or it was never in time.
    var isGivenUp: Bool { max(failures, misses) >= Observation.mostFailures }

    func reaches(_ roster: Roster) -> Bool { roster.members.allSatisfy { reachable.contains($0.process) } }

    // MARK: Preflight

    /// - Returns: the members that cannot be dialled.
    mutating func answer(_ answer: Preflighted) -> [WorkerAddress]? {
        guard let check, check.generation == answer.generation else { return nil }
        self.check = nil
        let failed = check.members.filter { answer.outOfReach.contains($0.name) }
        unreachable = failed.map(\.process)
        reachable = check.members.map(\.process).filter { !unreachable.contains($0) }
        return failed
    }

    // MARK: Feeds

    mutating func begin(_ member: WorkerAddress, _ now: UInt64, until: UInt64) {
        source = Source(name: member.name, process: member.process, since: now, isOpen: false, until: until)
        isCaughtUp = false
        hasCaughtUp = false
    }

    /// What it says of its feed.
    ///
    /// - Parameters:
    ///   - member: the source that it names.
    ///   - until: by when it must catch up.
    /// - Returns: whether the feed has opened, and whether it has caught up, both for the first time.
    mutating func take(
        _ observing: Observing, from member: WorkerAddress, _ now: UInt64, until: UInt64
    ) -> (isOpen: Bool, isCaughtUp: Bool) {
        var isNew = false
        if source?.process != member.process {
            begin(member, now, until: until)
            isNew = true
        } else if source?.isOpen == false {
            isNew = true
        }
        source?.isOpen = true
        if !observing.isCaughtUp {
            needsCopy = false
            isCaughtUp = false
            if isNew || source?.until == nil { source?.until = until }
            return (isNew, false)
        }
        // What was under way when it was distrusted.
        if needsCopy { return (isNew, false) }
        let isFirst = !hasCaughtUp
        isCaughtUp = true
        hasCaughtUp = true
        failures = 0
        failedSources = []
        source?.until = nil
        return (isNew, isFirst)
    }

    /// The feed is over.
    ///
    /// - Parameter isFault: of the feed; else its source is no member any more.
    mutating func end(_ now: UInt64, isFault: Bool) {
        guard let source else { return }
        if isFault {
            if !hasCaughtUp { failures += 1 }
            failedSources = failedSources.suffix(Observation.mostFailedSources) + [source.process]
            shortFeeds = now - min(now, source.since) < Observation.longFeed ? shortFeeds + 1 : 0
            // At first another member may do better.
            let most = UInt64(Observation.mostFailures)
            nextFeedAt =
                shortFeeds < most ? now : now + (Observation.pause << min(6, shortFeeds - most))
        }
        self.source = nil
        isCaughtUp = false
        hasCaughtUp = false
    }

    // MARK: Generations

    /// A change was made for it, and it did not hold the state in time.
    mutating func miss() { misses += 1 }

    /// Another generation begins, and it is no member of it.
    ///
    /// - Parameter isDistrusted: what it holds is not what the others hold.
    mutating func enter(_ roster: Roster, isDistrusted: Bool) {
        check = nil
        let members = roster.members.map(\.process)
        reachable = reachable.filter(members.contains)
        unreachable = unreachable.filter(members.contains)
        guard isDistrusted else { return }
        source = nil
        isCaughtUp = false
        hasCaughtUp = false
        needsCopy = true
    }

    /// The coordinator itself was absent for so long.
    mutating func excuse(_ absence: UInt64) {
        check?.until += absence
        if let until = source?.until { source?.until = until + absence }
    }
}
