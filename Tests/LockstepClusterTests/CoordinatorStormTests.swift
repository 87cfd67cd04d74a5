import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

/// A coordinator among workers that say anything at any time: what it does is in order all the same.
@Suite struct CoordinatorStormTests {
    /// Workers without a memory: every word is drawn, most of them such as could be said now.
    private struct Storm {
        var conversation: Conversation
        var random: SeededGenerator
        var connections: [Int: (name: String, process: UInt64)] = [:]
        var next = 0
        var complaints: [String] = []
        private(set) var feeds = 0
        private var reported: UInt32 = 0
        private var ends = 0
        private var checked = 0
        private var generations: [UInt32] = []
        private var rosters: [UInt32: Roster] = [:]

        init(seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            let workers = Int.random(in: 1...4, using: &random)
            let least = Int.random(in: 1...2, using: &random)
            let isTuned = Bool.random(using: &random)
            conversation = Conversation(workers: workers, lanes: 6) {
                $0.minWorkers = min(least, workers)
                $0.maxFailures = 1000
                $0.departures = 1000
                $0.elementCount = isTuned ? 1_000_000 : 0
                $0.spares = Int(seed % 3)
            }
            self.random = random
        }

        var core: CoordinatorCore { conversation.core }

        mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

        mutating func run(_ count: Int) {
            for _ in 0..<count where core.mode != .ended {
                conversation.now += UInt64(pick(0...3)) * UInt64(pick(0...300)) * 1_000_000
                check(step())
                if pick(0...3) == 0 { check(conversation.event(.tick)) }
            }
            settle()
        }

        /// Nobody says anything any more: ticks must lead somewhere.
        private mutating func settle() {
            var idle = 0
            for _ in 0..<300 {
                guard let deadline = core.nextDeadline else { return }
                idle = deadline <= conversation.now ? idle + 1 : 0
                if idle > 50 { return complaints.append("ticks for ever in \(core.mode)") }
                conversation.now = max(conversation.now, deadline)
                check(conversation.event(.tick))
            }
        }

        private mutating func step() -> [CoordinatorAction] {
            let known = connections.keys.sorted()
            guard let connection = known.randomElement(using: &random), pick(0...9) > 0 else { return hello() }
            switch pick(0...39) {
            case 0:
                connections[connection] = nil
                return conversation.closed(connection)
            case 1: return conversation.closed(1000 + connection)
            case 2: return bulk(connection)
            case 3...4: return conversation.prepared(connection, digest: pick(0...20) == 0 ? "x" : "d")
            case 5...9: return frozen(connection)
            case 10...12: return conversation.say(connection, .linked(generation: generation))
            case 13...14: return progress(connection)
            case 15: return other(connection)
            case 16:
                return conversation.say(
                    connection,
                    .pong(Pong(nonce: 1, step: UInt32(pick(0...9)), stage: .forward, waitingFor: ["w0"])))
            case 17: return done(connection)
            case 18: return measured(connection)
            case 19: return rare(connection)
            case 20...27: return frozen(connection)
            case 28...31: return observing(connection)
            default: return conversation.say(connection, .linked(generation: generation))
            }
        }

        private var generation: UInt32 { core.roster?.generation ?? 0 }

        private mutating func hello() -> [CoordinatorAction] {
            next += 1
            let old = connections.values.map(\.process).sorted().randomElement(using: &random)
            let isOld = pick(0...3) == 0
            let process = isOld ? old ?? UInt64(next) : UInt64(next)
            let name = "w\(process % 5)"
            connections[next] = (name, process)
            let running = isOld && pick(0...2) > 0 ? generation : 0
            let actions =
                conversation.hello(
                    name, next, process: process, running: running,
                    promised: pick(0...9) == 0 ? running + 1 : running, isPrepared: isOld) + bulk(next)
            return pick(0...2) == 0 ? actions : actions + conversation.prepared(next)
        }

        private mutating func bulk(_ connection: Int) -> [CoordinatorAction] {
            guard let (name, process) = connections[connection] else { return [] }
            return conversation.hello(name, 1000 + connection, process: process, purpose: .bulk)
        }

        private mutating func frozen(_ connection: Int) -> [CoordinatorAction] {
            let asked: UInt32
            switch core.mode {
            case .freezing(let generation), .planned(let generation), .paused(let generation): asked = generation
            default: asked = generation
            }
            let step = UInt32(max(0, Int(core.lastReported) + pick(-1...1)))
            let hash = pick(0...15) == 0 ? StateHash(high: 8, low: 8) : nil
            return conversation.say(
                connection,
                .frozen(
                    Conversation.frozen(
                        asked, step, hash: step == 0 ? conversation.hash : hash,
                        outOfReach: pick(0...9) == 0 ? ["w\(pick(0...4))"] : [])))
        }

        private mutating func progress(_ connection: Int) -> [CoordinatorAction] {
            let first = core.lastReported + UInt32(pick(0...1))
            guard first > 0 else { return [] }
            return conversation.progress(connection, generation, first...(first + UInt32(pick(0...2))))
        }

        private mutating func other(_ connection: Int) -> [CoordinatorAction] {
            let messages: [ControlMessage] = [
                .linkDown(LinkDown(generation: generation, peer: "w\(pick(0...4))", reason: "reset")),
                .leaving(Leaving(reason: "SIGTERM")),
                .halted(
                    Halted(
                        generation: generation, step: core.lastReported,
                        cause: .hashesDiffer([.init(name: "w0", hash: conversation.hash)]))),
                .unable(Unable(exitCode: .failed, message: "no")),
                .damage(Damage(step: 1, tensors: [])),
            ]
            return messages.randomElement(using: &random).map { conversation.say(connection, $0) } ?? []
        }

        private mutating func done(_ connection: Int) -> [CoordinatorAction] {
            if case .collecting(let step, _) = core.mode {
                return conversation.event(
                    pick(0...3) == 0
                        ? .stateCollected(step: step) : .shareReceived(name: "w\(pick(0...4))", step: step))
            }
            if case .writing(let step, _) = core.mode {
                return conversation.event(.snapshotWritten(step: step, digest: Conversation.digest))
            }
            let step = core.lastReported
            return conversation.say(
                connection,
                .done(
                    Done(
                        generation: generation, step: step, hash: Conversation.hash(step), lanesComputed: 1,
                        gradientBytesSent: 1, evaluation: nil, lastEpoch: [])))
        }

        private mutating func observing(_ connection: Int) -> [CoordinatorAction] {
            var actions: [CoordinatorAction] = []
            if pick(0...1) == 0 {
                for known in connections.keys.sorted() {
                    actions += conversation.say(known, .linked(generation: generation))
                }
                for known in connections.keys.sorted() {
                    actions += conversation.say(
                        known, .preflighted(Preflighted(generation: generation, outOfReach: [])))
                }
            }
            let outOfReach = pick(0...9) == 0 ? ["w\(pick(0...4))"] : []
            let source = pick(0...5) == 0 ? nil : core.roster?.members.randomElement(using: &random)?.name
            let messages: [ControlMessage] = [
                .preflighted(Preflighted(generation: generation, outOfReach: outOfReach)),
                .observing(
                    Observing(
                        source: source, isCaughtUp: source != nil && Bool.random(using: &random),
                        point: StatePoint(step: core.lastReported))),
                .observing(
                    Observing(source: source, isCaughtUp: source != nil, point: StatePoint(step: core.lastReported))),
                .feedLost(
                    FeedLost(
                        observer: "w\(pick(0...4))", process: ProcessNumber(UInt64(pick(0...max(1, next)))),
                        reason: "reset")),
            ]
            return actions + (messages.randomElement(using: &random).map { conversation.say(connection, $0) } ?? [])
        }

        private mutating func measured(_ connection: Int) -> [CoordinatorAction] {
            conversation.say(
                connection,
                .measured(
                    Measured(
                        generation: generation, number: pick(0...2), seconds: Array(repeating: 0.001, count: 25),
                        wrongSums: 0, timeline: [])))
        }

        private mutating func rare(_ connection: Int) -> [CoordinatorAction] {
            let name = "w\(pick(0...4))"
            let holding = Holding(point: StatePoint(step: 0), hash: conversation.hash, wholeHash: conversation.hash)
            let events: [CoordinatorEvent] = [
                .processEnded(name: name, processIdentifier: 100 + Int32(connection), description: "signal 9"),
                .drainRequested(name: name), .stateOffered(holding), .nothingToOffer(reason: "none"),
                .revoked(ConnectionNumber(connection)), .denied(["ab"]), .streamed(name: name),
                .stateInvalid(step: 3, reason: "damaged"), .snapshotFailed(step: 3, reason: "full"),
                pick(0...20) == 0 ? .stopRequested(reason: "SIGTERM") : .tick,
                pick(0...20) == 0 ? .quarantined(name: name, reason: "flaps") : .tick,
            ]
            return events.randomElement(using: &random).map { conversation.event($0) } ?? []
        }

        // MARK: What must hold

        private mutating func check(_ actions: [CoordinatorAction]) {
            checkJournal()
            for action in actions {
                switch action {
                case .send(_, .start(let start)):
                    if rosters[start.roster.generation] != start.roster { complaints.append("START before ROSTER") }
                case .send(_, .freeze(let freeze)):
                    if !generations.contains(freeze.generation) { complaints.append("FREEZE before GENERATION") }
                case .send(let connection, .feed(let feed)):
                    checkFeed(feed, from: connection)
                case .send(_, .plan(let change)):
                    if !generations.contains(change.generation) { complaints.append("PLAN before GENERATION") }
                case .report(let reports):
                    for report in reports {
                        if report.step <= reported { complaints.append("step \(report.step) twice") }
                        reported = report.step
                    }
                case .finish, .fail: ends += 1
                default: break
                }
            }
            if ends > 1 { complaints.append("two ends") }
            if (core.mode == .ended) != (ends == 1) { complaints.append("an end without an outcome") }
        }

        /// A member feeds one that is none.
        private mutating func checkFeed(_ feed: Feed, from connection: ConnectionNumber) {
            feeds += 1
            let members = core.roster?.members ?? []
            if members.contains(where: { $0.process == feed.observer.process }) { complaints.append("a member is fed") }
            let source = connections[connection.rawValue]?.process
            if !members.contains(where: { $0.process.rawValue == source }) { complaints.append("fed by no member") }
        }

        private mutating func checkJournal() {
            for record in core.journal[checked...] {
                switch record {
                case .generation(let number):
                    if let last = generations.last, number <= last { complaints.append("generation \(number) is old") }
                    generations.append(number)
                case .roster(let roster):
                    if rosters[roster.generation] != nil { complaints.append("decided twice") }
                    if generations.last != roster.generation { complaints.append("ROSTER without its generation") }
                    rosters[roster.generation] = roster
                    let lanes = roster.members.flatMap(\.lanes)
                    if lanes != Array(0..<6) || roster.members.contains(where: \.lanes.isEmpty) {
                        complaints.append("lanes \(lanes)")
                    }
                    if roster.members.map(\.name) != roster.members.map(\.name).sorted() {
                        complaints.append("members out of order")
                    }
                    if roster.wholeHash != nil, roster.members.count < core.configuration.minWorkers {
                        complaints.append("too few members")
                    }
                default: break
                }
            }
            checked = core.journal.count
        }
    }

    @Test(arguments: [
        [], ["twice"],
    ])
    func whateverIsSaidWhatIsDoneIsInOrder(_ flaws: [String]) {
        var found: [String] = []
        var decisions = 0
        var feeds = 0
        for seed in 71..<(71 + 120) as Range<UInt64> {
            var storm = Storm(seed: seed)
            storm.conversation.core.rules.decidesTwice = flaws.contains("twice")
            storm.run(250)
            found += storm.complaints.prefix(1).map { "seed \(seed): \($0)" }
            decisions += storm.core.generationCount
            feeds += storm.feeds
        }
        // The canary is caught, and nothing else is there to catch.
        #expect(found.isEmpty == flaws.isEmpty, "\(found.prefix(5))")
        #expect(decisions > 120 && feeds > 40, "\(decisions), \(feeds)")
    }
}
