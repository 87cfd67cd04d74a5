import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// The coordinator's side of a generation that measures.
@Suite struct MeasuringTests {
    private static let floats = 1_000_000

    /// Workers w0, w1, … that have said PREPARED, two on a host; and what was said to them then.
    private func prepared(
        _ workers: Int, ports: [Int] = [1], _ change: (inout CoordinatorConfiguration) -> Void = { _ in }
    ) -> (Conversation, [CoordinatorAction]) {
        var conversation = Conversation(workers: workers) { configuration in
            configuration.elementCount = Self.floats
            change(&configuration)
        }
        for index in 0..<workers {
            _ = conversation.hello("w\(index)", index, host: "host\(index / 2)", threads: 1, cores: 8)
            _ = conversation.hello("w\(index)", 100 + index, process: UInt64(index), purpose: .bulk)
        }
        var actions: [CoordinatorAction] = []
        for index in 0..<workers { actions = conversation.prepared(index, ports: ports) }
        return (conversation, actions)
    }

    private func answer(_ measure: Measure, wrongSums: Int = 0) -> Measured {
        let trial = measure.trial
        let latency = trial.settings.staysAwake ? 10e-6 : 50e-6
        return Measured(
            generation: measure.roster.generation, number: measure.number,
            seconds: Array(repeating: latency + Double(trial.byteCount) / 1e9, count: trial.rounds),
            wrongSums: wrongSums,
            timeline: trial.computeSteps > 0
                ? [GradientPoint(floats: 500_000, seconds: 0.01), GradientPoint(floats: 1_000_000, seconds: 0.02)] : [])
    }

    /// Answers of all until nothing more is measured: all actions since, and the trials.
    private func finish(
        _ conversation: inout Conversation, _ actions: [CoordinatorAction]
    ) -> (actions: [CoordinatorAction], trials: [Trial]) {
        var all = actions
        var last = actions
        var trials: [Trial] = []
        while let measure = last.measures.first?.measure {
            trials.append(measure.trial)
            var next: [CoordinatorAction] = []
            for (connection, measure) in last.measures {
                next += conversation.say(connection, .measured(answer(measure)))
            }
            all += next
            last = next
        }
        return (all, trials)
    }

    @Test func measuringComesBeforeTheStart() {
        var (conversation, actions) = prepared(3, ports: [1, 2])
        #expect(conversation.core.mode == .measuring)
        let first = actions.measures
        #expect(first.map(\.connection) == [0, 1, 2])
        #expect(
            first.map(\.measure.hostShare) == [
                HostShare(index: 0, count: 2), HostShare(index: 1, count: 2), HostShare.all,
            ])
        let measuring = conversation.core.roster
        #expect(measuring?.generation == 1 && measuring?.exchange.links == 2)
        #expect(first.allSatisfy { $0.measure.roster == measuring && $0.measure.number == 0 && !$0.measure.isClear })
        let end = finish(&conversation, actions)
        actions = end.actions
        #expect(end.trials.map(\.settings.links) == [1, 1, 1, 2])
        #expect(
            actions.compactMap { if case .measured(let result) = $0 { result.members.count } else { nil } } == [
                3, 3, 3, 3,
            ])
        // START is of a new generation, and both stand in the journal before anyone hears of them.
        let roster = conversation.core.roster
        #expect(conversation.core.mode == .running && roster?.generation == 2)
        #expect(roster?.members == measuring?.members && roster?.exchange.staysAwake == true)
        #expect(roster?.exchange.bucketBoundaries == [500_000])
        if let measuring, let roster {
            #expect(
                conversation.core.journal == [
                    .incarnation(1), .probe(StateHash(high: 5, low: 0)), .generation(1), .roster(measuring),
                    .generation(2), .roster(roster),
                ])
        }
        let starts = actions.compactMap { action -> Start? in
            if case .send(_, .start(let start)) = action { start } else { nil }
        }
        #expect(starts.map(\.roster) == [roster, roster, roster].compactMap { $0 })
        #expect(starts.map(\.hostShare) == first.map(\.measure.hostShare))
        let tuned = actions.compactMap { if case .tuned(let tuned) = $0 { tuned } else { nil } }
        #expect(tuned.map(\.settings) == [roster?.exchange])
        #expect(
            actions.contains { if case .log(.info, let text, _) = $0 { text == tuned.first?.summary } else { false } })
        // Links of the first generation that close are no news.
        #expect(conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w1", reason: "closed"))).isEmpty)
    }

    @Test func withNothingToMeasureItStartsAtOnce() {
        let alone = prepared(1)
        #expect(alone.0.core.mode == .running && alone.0.core.roster?.generation == 1)
        // Who is alone has no links, whatever was wished.
        let aloneWithLinks = prepared(1) { $0.exchange = ExchangeWish(links: 2) }
        #expect(
            aloneWithLinks.0.core.mode == .running && aloneWithLinks.0.core.roster?.exchange.links == 1)
        let decided = prepared(2, ports: [1, 2, 3]) { $0.exchange = ExchangeWish(links: 3, bucketBytes: 1 << 20) }
        #expect(decided.0.core.mode == .running && decided.0.core.roster?.exchange.links == 3)
        #expect(decided.0.core.roster?.exchange.bucketBoundaries == [262_144, 524_288, 786_432])
    }

    @Test func linksThatNobodyOffersAreNotMade() {
        for wish in [ExchangeWish(links: 3), ExchangeWish(links: 3, bucketBytes: 4096)] {
            let (_, actions) = prepared(2, ports: [1, 2]) { $0.exchange = wish }
            #expect(actions.verdict?.message == "worker w0 offers 2 links, and 3 are wanted")
        }
    }

    @Test func aTrialIsAnsweredOnceByAll() throws {
        var (conversation, actions) = prepared(2)
        let measure = try #require(actions.measures.first?.measure)
        var other = answer(measure)
        other.generation = 7
        #expect(conversation.say(0, .measured(other)).isEmpty)
        other = answer(measure)
        other.number = 1
        #expect(conversation.say(0, .measured(other)).isEmpty)
        // Those were none, so one answer more is not all.
        #expect(conversation.say(1, .measured(answer(measure))).isEmpty)
        #expect(conversation.say(1, .measured(answer(measure))).isEmpty)
        actions = conversation.say(0, .measured(answer(measure)))
        #expect(actions.measures.map(\.measure.number) == [1, 1])
        // After the start they are too late.
        _ = finish(&conversation, actions)
        #expect(conversation.core.mode == .running && conversation.say(0, .measured(answer(measure))).isEmpty)
    }

    @Test func whatCannotBeMeasuredExpels() throws {
        let wrong: [(inout Measured) -> Void] = [
            { $0.seconds.removeLast() }, { $0.seconds[0] = .nan }, { $0.seconds[0] = -1 }, { $0.wrongSums = -1 },
            { $0.processorSeconds = .infinity }, { $0.timeline = [GradientPoint(floats: 0, seconds: 0)] },
            { $0.timeline = [GradientPoint(floats: Self.floats + 1, seconds: 0)] },
            { $0.timeline = [GradientPoint(floats: 2, seconds: 1), GradientPoint(floats: 1, seconds: 2)] },
            { $0.timeline = [GradientPoint(floats: 1, seconds: 2), GradientPoint(floats: 2, seconds: 1)] },
            { $0.timeline = (1...257).map { GradientPoint(floats: $0, seconds: 1) } },
        ]
        for change in wrong {
            var (conversation, actions) = prepared(2)
            let measure = try #require(actions.measures.first?.measure)
            var measured = answer(measure)
            change(&measured)
            actions = conversation.say(1, .measured(measured))
            #expect(actions.releases[1] == .failed, "\(measured)")
            #expect(actions.freezes == [0: 2])
        }
        // Steps cannot be over before the first begins.
        let done = Done(
            generation: 1, step: 0, hash: StateHash(high: 1, low: 2), lanesComputed: 0, gradientBytesSent: 0,
            evaluation: nil, lastEpoch: [])
        let report = StepReport(
            step: 1, epoch: 1, loss: 1, metrics: [], learningRate: 1, samples: 1, seconds: 1)
        let progress = Progress(generation: 1, step: 1, stage: .update, reports: [report])
        for message in [ControlMessage.done(done), .progress(progress)] {
            var (conversation, _) = prepared(2)
            #expect(conversation.say(1, message).releases[1] == .failed)
        }
    }

    @Test func aWrongSumEndsTheRun() throws {
        var (conversation, actions) = prepared(2)
        let measure = try #require(actions.measures.first?.measure)
        let verdict = conversation.say(1, .measured(answer(measure, wrongSums: 3))).verdict
        #expect(verdict?.worker == "w1" && verdict?.stage == .measuring)
        #expect(
            verdict?.message
                == "worker w1 (measuring): 3 of 256 floats were summed wrongly in an all-reduce")
    }

    @Test func aLossWhileMeasuringMeasuresAnew() {
        var (conversation, _) = prepared(2)
        for index in 0..<2 { _ = conversation.say(index, .linked(generation: 1)) }
        _ = conversation.say(1, .pong(Pong(nonce: 1, step: 0, stage: .measuring, waitingFor: [])))
        #expect(conversation.closed(1).freezes == [0: 2])
        // Too few are left: another one has to come.
        #expect(conversation.frozen(0, 2, 0).isEmpty && conversation.core.mode == .gathering)
        conversation.join("w2", 2)
        let actions = conversation.prepared(2)
        #expect(actions.measures.map(\.connection) == [0, 2] && conversation.core.roster?.generation == 3)
        _ = finish(&conversation, actions)
        // With a third worker there it is not even noticed.
        var (three, _) = prepared(2)
        three.join("w2", 2)
        _ = three.prepared(2)
        _ = three.closed(1)
        #expect(three.frozen(0, 2, 0).isEmpty)
        let again = three.frozen(2, 2, 0)
        #expect(again.measures.map(\.connection) == [0, 2])
        // A measurement for its own sake is over.
        var bench = prepared(2) { $0.purpose = .tuning }.0
        _ = bench.say(1, .pong(Pong(nonce: 1, step: 0, stage: .measuring, waitingFor: [])))
        _ = bench.closed(1)
        let verdict = bench.wait().verdict
        #expect(verdict?.message == "worker w1 was lost in measuring: its control connection was lost: reset")
        var halted = prepared(2).0
        let cause = HaltCause.other("no memory for 4 GB")
        let answer = halted.say(0, .halted(Halted(generation: 1, step: 0, cause: cause))).verdict
        #expect(answer?.stage == .measuring && answer?.message == "measuring: no memory for 4 GB")
    }

    @Test func aTrialHasAnEnd() {
        let stuck = Pong(nonce: 1, step: 0, stage: .measuring, waitingFor: [])
        let waiting = Pong(nonce: 1, step: 0, stage: .measuring, waitingFor: ["w1"])
        func trial(_ floats: Int) -> CoordinatorConfiguration.Purpose {
            .trials(
                [Trial(settings: ExchangeSettings(), elementCount: floats, rounds: 2, warmUpRounds: 1)], isClear: false)
        }
        // The first trial of a job computes its step; large vectors may have a slow network.
        let purposes: [(CoordinatorConfiguration.Purpose, seconds: Int)] = [
            (.tuning, 361), (trial(1000), 121), (trial(100_000_000), 420),
        ]
        for (purpose, seconds) in purposes {
            var (conversation, _) = prepared(2) { $0.purpose = purpose }
            for index in 0..<2 { _ = conversation.say(index, .linked(generation: 1)) }
            let verdict = conversation.live(1000, [0: waiting, 1: stuck]).verdict
            #expect(verdict?.worker == "w1" && verdict?.stage == .measuring)
            #expect(
                verdict?.message
                    == "no end of a trial for \(seconds) s; the others wait for worker w1 (measuring)")
        }
        // Also the links for it.
        var unlinked = prepared(2) { $0.purpose = .tuning }.0
        _ = unlinked.say(0, .linked(generation: 1))
        let late = unlinked.live(100, [0: waiting, 1: Pong(nonce: 1, step: 0, stage: .linking, waitingFor: [])])
        #expect(
            late.verdict?.message.contains("not all links were there after 61 s; missing are those of worker w1")
                == true)
    }

    @Test func whoAsksForTheEndGetsIt() {
        var (conversation, _) = prepared(2)
        let actions = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(actions.releases == [0: .temporary, 1: .temporary])
        #expect(actions.result?.outcome == .stopped(reason: "SIGTERM"))
    }

    @Test func trialsAloneAreCarriedOutInOrder() {
        let trials = [1, 4].map { links in
            Trial(settings: ExchangeSettings(links: links), elementCount: 1000 * links, rounds: 2, warmUpRounds: 1)
        }
        var (conversation, actions) = prepared(2, ports: [1, 2, 3, 4]) { configuration in
            configuration.purpose = .trials(trials, isClear: true)
        }
        #expect(conversation.core.roster?.exchange.links == 4)
        #expect(actions.measures.map(\.measure.isClear) == [true, true])
        let end = finish(&conversation, actions)
        #expect(end.trials == trials)
        let results = end.actions.compactMap { if case .measured(let result) = $0 { result } else { nil } }
        #expect(results.map(\.trial) == trials && results[0].members.map(\.name) == ["w0", "w1"])
        #expect(results[0].seconds == [50e-6 + 4000e-9, 50e-6 + 4000e-9])
        #expect(end.actions.result?.outcome == .measured && end.actions.releases == [0: .success, 1: .success])
        #expect(!JournalRecord.replay(conversation.core.journal).isFinal)
        #expect(conversation.core.mode == .ended)
        // None is none.
        #expect(prepared(2) { $0.purpose = .trials([], isClear: false) }.1.result?.outcome == .measured)
    }

    @Test func tuningAloneEndsWithTheChoice() {
        var (conversation, actions) = prepared(2, ports: [1, 2]) { $0.purpose = .tuning }
        actions = finish(&conversation, actions).actions
        let tuned = actions.compactMap { if case .tuned(let tuned) = $0 { tuned } else { nil } }.first
        #expect(tuned?.timeline.count == 2 && tuned?.buckets.isEmpty == false)
        #expect(actions.result?.outcome == .measured && actions.releases == [0: .success, 1: .success])
        let alone = prepared(1) { $0.purpose = .tuning }.1
        #expect(alone.contains { if case .tuned = $0 { true } else { false } } && alone.result?.exitCode == .success)
    }

    /// A result is that of the slowest in each round.
    @Test func aResultIsThatOfTheSlowest() {
        let trial = Trial(settings: ExchangeSettings(), elementCount: 1, rounds: 3, warmUpRounds: 0)
        func member(_ name: String, _ seconds: [Double], _ processor: Double) -> TrialResult.Member {
            TrialResult.Member(
                name: name,
                measured: Measured(generation: 1, number: 0, seconds: seconds, processorSeconds: processor))
        }
        let result = TrialResult(trial: trial, members: [member("a", [1, 5, 2], 3), member("b", [2, 1, 9], 6)])
        #expect(result.seconds == [2, 5, 9] && result.median == 5 && result.processorSeconds == 2)
        #expect(TrialResult(trial: trial, members: []).median == 0)
    }
}

extension [CoordinatorAction] {
    fileprivate var measures: [(connection: Int, measure: Measure)] {
        compactMap { if case .send(let to, .measure(let measure)) = $0 { (to.rawValue, measure) } else { nil } }
    }
}
