import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// A worker's side of a generation that measures.
@Suite struct WorkerMeasuringTests {
    private let control = ConnectionNumber(1)
    private let hash = StateHash(high: 1, low: 2)
    private let identity = WorkerIdentity(
        name: "w1", process: ProcessNumber(11), host: "h", processIdentifier: 1, version: "1", instructionSet: "avx2",
        threads: 1)

    private func roster(generation: UInt32) -> Roster {
        Roster(
            generation: generation,
            members: (0..<3).map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0) + 10), host: "h", ports: [1, 2],
                    lanes: $0..<($0 + 1))
            }, startStep: 0, stateHash: hash, exchange: ExchangeSettings(links: 2))
    }

    private func measure(_ number: Int, generation: UInt32 = 1, links: Int = 2, floats: Int = 256) -> Measure {
        Measure(
            roster: roster(generation: generation),
            trial: Trial(
                settings: ExchangeSettings(links: links), elementCount: floats, rounds: 2, warmUpRounds: 1),
            number: number)
    }

    private func measured(_ number: Int, generation: UInt32 = 1) -> Measured {
        Measured(generation: generation, number: number, seconds: [1, 2])
    }

    private func prepared() -> WorkerCore {
        var core = WorkerCore(identity)
        _ = core.handle(.connected(control), at: 0)
        let welcome = Welcome(
            runIdentifier: "r", incarnation: 1, clusterName: "c", job: "", files: [], traceContext: [])
        _ = core.handle(.message(control, .welcome(welcome)), at: 0)
        let preparation = WorkerPreparation(
            planDigest: "d", probe: hash, state: TestWorker.held(hash: hash), lastStep: 3, evaluationBatches: 0,
            host: "h", ports: [1, 2])
        _ = core.handle(.prepared(preparation), at: 0)
        return core
    }

    private func say(_ core: inout WorkerCore, _ message: ControlMessage) -> [WorkerAction] {
        core.handle(.message(control, message), at: 0)
    }

    private func measuring() -> WorkerCore {
        var core = prepared()
        _ = say(&core, .measure(measure(0)))
        for peer in ["w0", "w2"] { _ = core.handle(.linked(peer: peer, generation: 1), at: 0) }
        return core
    }

    @Test func linksAreMadeOnceAndServeAllTrials() {
        var core = prepared()
        #expect(say(&core, .measure(measure(0))) == [.linkToMeasure(measure(0))])
        #expect(core.state == .measuring(number: 0) && core.stage == .linking && core.running == 1)
        #expect(core.handle(.linked(peer: "w0", generation: 1), at: 0).isEmpty)
        #expect(
            core.handle(.linked(peer: "w2", generation: 1), at: 0) == [
                .send(control, .linked(generation: 1)), .measure(measure(0)),
            ])
        #expect(core.stage == .measuring)
        // A second word of a link changes nothing, nor does the same trial again.
        #expect(core.handle(.linked(peer: "w2", generation: 1), at: 0).isEmpty)
        #expect(say(&core, .measure(measure(0))).isEmpty)
        // Answers to something else are none.
        #expect(core.handle(.measured(measured(1)), at: 0).isEmpty)
        #expect(core.handle(.measured(measured(0, generation: 2)), at: 0).isEmpty)
        #expect(core.handle(.measured(measured(0)), at: 0) == [.send(control, .measured(measured(0)))])
        #expect(core.state == .measured)
        #expect(say(&core, .measure(measure(0))).isEmpty)
        #expect(say(&core, .measure(measure(3))) == [.measure(measure(3))])
        #expect(core.handle(.measured(measured(3)), at: 0) == [.send(control, .measured(measured(3)))])
        // START is of a generation of its own.
        #expect(say(&core, .start(Start(roster: roster(generation: 1), traceContext: []))).isEmpty)
        let start = Start(roster: roster(generation: 2), traceContext: [])
        #expect(say(&core, .start(start)) == [.link(start)])
        #expect(core.state == .linking)
        // The links of the trials go, and that is no loss.
        #expect(core.handle(.linkLost(peer: "w0", generation: 1, reason: "closed"), at: 0).isEmpty)
        for peer in ["w0", "w2"] { _ = core.handle(.linked(peer: peer, generation: 2), at: 0) }
        #expect(core.state == .computing(Turn(.train, step: 1)))
    }

    @Test func startDoesNotInterruptATrial() {
        var core = measuring()
        #expect(say(&core, .start(Start(roster: roster(generation: 2), traceContext: []))).isEmpty)
        #expect(core.state == .measuring(number: 0))
    }

    @Test func otherRostersAreNotMeasured() {
        var core = prepared()
        var foreign = measure(0)
        let member = Roster.Member(name: "w1", process: ProcessNumber(9), host: "h", ports: [1], lanes: 0..<1)
        foreign.roster = Roster(
            generation: 1, members: [member], startStep: 0, stateHash: hash, exchange: ExchangeSettings())
        #expect(say(&core, .measure(foreign)).isEmpty && core.state == .prepared)
        var measuring = measuring()
        _ = measuring.handle(.measured(measured(0)), at: 0)
        #expect(say(&measuring, .measure(measure(1, generation: 2))).isEmpty)
        #expect(measuring.state == .measured)
    }

    @Test func whatCannotBeTriedHalts() {
        for (wrong, what) in [(measure(0, links: 3), "3 links of 2"), (measure(0, floats: 0), "a vector of 0 floats")] {
            var core = prepared()
            let halted = Halted(generation: 1, step: 0, cause: .other("w1 cannot measure \(what)"))
            #expect(say(&core, .measure(wrong)) == [.send(control, .halted(halted))])
            var later = measuring()
            _ = later.handle(.measured(measured(0)), at: 0)
            var next = wrong
            next.number = 1
            #expect(say(&later, .measure(next)) == [.send(control, .halted(halted))])
        }
        var core = measuring()
        #expect(
            core.handle(.failed(reason: "no memory"), at: 0) == [
                .send(control, .halted(Halted(generation: 1, step: 0, cause: .other("no memory"))))
            ])
        let trial = Trial(settings: ExchangeSettings(), elementCount: 1, rounds: 1, warmUpRounds: 0)
        #expect(trial.objection(links: 1) == nil)
        for change: (inout Trial) -> Void in [
            { $0.rounds = 0 }, { $0.rounds = 20_000 }, { $0.warmUpRounds = -1 }, { $0.computeSteps = -1 },
            { $0.computeSeconds = .nan }, { $0.elementCount = 1 << 40 }, { $0.settings.links = 0 },
        ] {
            var wrong = trial
            change(&wrong)
            #expect(wrong.objection(links: 1) != nil, "\(wrong)")
        }
    }

    @Test func aLinkThatIsMissingOrLostIsReported() {
        var core = prepared()
        _ = say(&core, .measure(measure(0)))
        // Two links to each of two members take longer.
        #expect(core.nextDeadline == 25_400_000_000)
        let actions = core.handle(.tick, at: 25_400_000_000)
        #expect(actions.count == 4)
        #expect(
            actions[2]
                == .send(control, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "no link after 25.4 s"))))
        for isAnswered in [false, true] {
            var core = measuring()
            if isAnswered { _ = core.handle(.measured(measured(0)), at: 0) }
            let lost = core.handle(.linkLost(peer: "w0", generation: 1, reason: "reset"), at: 0)
            #expect(lost.first == .send(control, .linkDown(LinkDown(generation: 1, peer: "w0", reason: "reset"))))
        }
    }

    @Test func aFreezeEndsATrial() {
        for isAnswered in [false, true] {
            var core = measuring()
            if isAnswered { _ = core.handle(.measured(measured(0)), at: 0) }
            #expect(say(&core, .freeze(Freeze(generation: 5))) == [.park])
            #expect(core.handle(.measured(measured(0)), at: 0).isEmpty)
            #expect(core.handle(.parked(waitingFor: []), at: 0) == [.hashState])
            #expect(
                core.handle(.stateHashed(hash, whole: hash), at: 0) == [
                    .send(control, .frozen(Frozen(generation: 5, holding: TestWorker.held(hash: hash).holding)))
                ])
            // From there it may measure again, or start.
            #expect(say(&core, .measure(measure(0, generation: 4))).isEmpty)
            #expect(say(&core, .measure(measure(0, generation: 5))).count == 1)
        }
    }
}
