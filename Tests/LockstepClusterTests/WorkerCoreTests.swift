import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// From HELLO to the end of a generation in which nothing goes wrong, and what breaks it.
@Suite struct WorkerCoreTests {
    private let second: UInt64 = 1_000_000_000

    // MARK: Generations

    @Test func turnsBeginWhenAllLinksAreThere() {
        var worker = TestWorker.prepared()
        let roster = TestWorker.roster(1)
        #expect(worker.say(.start(TestWorker.start(roster))) == [.link(TestWorker.start(roster))])
        #expect(worker.event(.linked(peer: "w0", generation: 1)).isEmpty)
        // Of another generation, or twice: nothing.
        #expect(worker.event(.linked(peer: "w2", generation: 2)).isEmpty)
        #expect(worker.event(.linked(peer: "w0", generation: 1)).isEmpty)
        #expect(
            worker.event(.linked(peer: "w2", generation: 1)) == [
                worker.sent(.linked(generation: 1)), .begin(Turn(.train, step: 1)),
            ])
        #expect(worker.event(.linked(peer: "w2", generation: 1)).isEmpty)
    }

    @Test func aStartCountsOnlyAboveRunningAndNotBelowPromised() {
        var worker = TestWorker.prepared()
        #expect(worker.start(TestWorker.roster(0)).isEmpty)
        _ = worker.standStill(worker.freeze(5))
        #expect(worker.core.state == .frozen)
        #expect(worker.start(TestWorker.roster(4)).isEmpty)
        #expect(worker.freeze(4).isEmpty)
        #expect(worker.start(TestWorker.roster(5)).deeds.count == 2)
        #expect(worker.start(TestWorker.roster(5)).isEmpty && worker.core.running == 5)
        // A roster that names another process of this name is not for this one.
        var other = TestWorker.prepared()
        let stranger = Roster.Member(name: "w1", process: ProcessNumber(99), host: "h", ports: [1], lanes: 0..<1)
        let foreign = Roster(
            generation: 1, members: [stranger], startStep: 0, stateHash: TestWorker.hash, exchange: ExchangeSettings())
        #expect(other.start(foreign).isEmpty)
        // Nor one in which it does not stand.
        #expect(other.start(TestWorker.roster(1, members: 1)).isEmpty && other.core.running == 0)
    }

    /// The coordinator freezes first. Who computes would otherwise be in two generations at once.
    @Test func whoDoesNotStandStillIsNotStarted() {
        for members in [3, 1] {
            var worker = members == 1 ? TestWorker.prepared() : TestWorker.running()
            if members == 1 { _ = worker.say(.start(TestWorker.start(TestWorker.roster(1)))) }
            let state = worker.core.state
            #expect(worker.start(TestWorker.roster(2)).isEmpty && worker.core.state == state)
            #expect(worker.core.running == 1)
        }
    }

    @Test func aPlanOfAnOlderGenerationIsForgotten() {
        var worker = TestWorker.prepared()
        _ = worker.say(.plan(PlannedChange(generation: 7)))
        _ = worker.start(TestWorker.roster(8))
        _ = worker.say(.plan(PlannedChange(generation: 8)))
        let first = Turn(.train, step: 1)
        #expect(worker.event(.computed(first)) == [.record(first, askedGeneration: 0)])
        // The canary: a later one is not.
        var later = TestWorker.running()
        _ = later.say(.plan(PlannedChange(generation: 9)))
        #expect(later.event(.computed(first)) == [.record(first, askedGeneration: 9)])
    }

    /// Whoever dials another when a generation begins may do so before, also one that is no member yet.
    @Test func linksAreMadeAheadByThoseThatDialThem() {
        func change(_ generation: UInt32, _ members: [Int]) -> PlannedChange {
            let all = TestWorker.roster(1).members.map(\.address)
            return PlannedChange(generation: generation, members: members.map { all[$0] }, links: 2)
        }
        let first = change(2, [0, 1])
        for start in [TestWorker.prepared(), TestWorker.running()] {
            var worker = start
            let state = worker.core.state
            #expect(worker.say(.plan(first)) == [.linkAhead(first)] && worker.core.state == state)
            // It is dialled by the others, or has no part in it.
            #expect(worker.say(.plan(change(3, [1, 2]))).isEmpty)
            #expect(worker.say(.plan(change(4, [0, 2]))).isEmpty && worker.say(.plan(change(5, []))).isEmpty)
            // It is past it.
            _ = worker.say(.freeze(Freeze(generation: 9)))
            #expect(worker.say(.plan(change(9, [0, 1]))).isEmpty)
        }
        var unprepared = TestWorker()
        _ = unprepared.say(TestWorker.welcome())
        #expect(unprepared.say(.plan(first)).isEmpty)
    }

    @Test func aStateThatTheJobDoesNotHaveIsRefused() {
        for start in [StatePoint(step: 4), StatePoint(step: .max), StatePoint(step: 0, isJudged: false)] {
            var worker = TestWorker.prepared()
            let actions = worker.start(TestWorker.roster(1, start: start, holders: []))
            #expect(actions.halted?.generation == 1 && actions.deeds.isEmpty && worker.core.state == .halted)
        }
    }

    // MARK: Links

    @Test func aMissingOrLostLinkIsReportedOnce() throws {
        var worker = TestWorker.prepared()
        _ = worker.say(.start(TestWorker.start(TestWorker.roster(1))))
        _ = worker.event(.linked(peer: "w0", generation: 1))
        #expect(worker.core.nextDeadline == 25_200_000_000)
        worker.now = 25_200_000_000
        let missing = LinkDown(generation: 1, peer: "w2", reason: "no link after 25.2 s")
        // Where it is goes with it: the lost one cannot be far from there.
        let place = Progress(generation: 1, step: 0, stage: .linking, reports: [])
        #expect(worker.event(.tick) == [worker.sent(.linkDown(missing)), worker.sent(.progress(place))])
        #expect(worker.event(.linkLost(peer: "w2", generation: 1, reason: "refused")).isEmpty)
        #expect(worker.event(.linkLost(peer: "w0", generation: 0, reason: "old")).isEmpty)
        #expect(worker.event(.linkLost(peer: "w9", generation: 1, reason: "unknown")).isEmpty)
        #expect(worker.event(.linkLost(peer: "w0", generation: 1, reason: "reset")).count == 2)
        // What was done before it goes first, and says where it is as well.
        var busy = TestWorker.running()
        for step in 1...2 as ClosedRange<UInt32> { _ = try busy.step(step) }
        let told = busy.event(.linkLost(peer: "w0", generation: 1, reason: "reset"))
        #expect(told.messages.map(\.type) == ["progress", "linkDown"] && told.reported == [2])
    }

    @Test func deadlinesGrowWithPatience() {
        var worker = TestWorker.prepared()
        _ = worker.say(.start(TestWorker.start(TestWorker.roster(1, patience: 4))))
        _ = worker.event(.heard(reportedStep: 0))
        worker.now = 99 * second
        _ = worker.event(.heard(reportedStep: 0))
        #expect(worker.core.nextDeadline == 100_200_000_000)
        _ = worker.link(TestWorker.roster(1))
        // Four times 30 s of silence.
        #expect(worker.core.nextDeadline == 219 * second)
    }

    // MARK: Turns

    @Test func nothingIsAppliedThatIsNotFiniteOrNotAgreed() throws {
        let first = Turn(.train, step: 1)
        var cases: [(WorkerEvent, HaltCause)] = []
        cases.append((TestWorker.finished(first, try TestWorker.summary(lane: 2)), .lossNotFinite(lane: 2)))
        cases.append((TestWorker.finished(first, try TestWorker.summary(), isFinite: false), .gradientNotFinite))
        let hashes = [1, 2, 1].enumerated().map {
            HaltCause.MemberHash(name: "w\($0)", hash: StateHash(high: 0, low: $1))
        }
        cases.append(
            (
                TestWorker.finished(first, try TestWorker.summary(lane: 1, hashes: [1, 2, 1])),
                .hashesDiffer(hashes)
            ))
        for (event, cause) in cases {
            var worker = TestWorker.running()
            _ = worker.event(.computed(first))
            let actions = worker.event(event)
            #expect(actions == [worker.sent(.halted(Halted(generation: 1, step: 1, cause: cause)))])
            #expect(worker.core.state == .halted && worker.core.step == 0)
        }
    }

    @Test func theLastTurnEndsInDone() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 1, evaluationBatches: 2))
        let closing = Turn(.closing, step: 1)
        #expect(
            try worker.step(1).deeds.suffix(2) == [.begin(closing), .record(closing, askedGeneration: 0)])
        let batches = (1...2).map { Turn(.evaluation, step: $0) }
        #expect(worker.finish(closing, try TestWorker.summary()).deeds == [.begin(batches[0])])
        for batch in batches {
            // A plan that is heard in the last turn stops nothing any more.
            let actions = worker.finish(batch, try TestWorker.summary(asked: batch.step == 2 ? 5 : 0))
            if batch.step == 1 { #expect(actions.deeds.last == .begin(batches[1])) }
            if batch.step == 2 {
                let done = Done(
                    generation: 1, step: 1, hash: TestWorker.hash, lanesComputed: 1, gradientBytesSent: 40,
                    evaluation: [6, 12], lastEpoch: [3, 6])
                #expect(actions.done == done && actions.deeds.count == 1)
            }
        }
        #expect(worker.event(.linkLost(peer: "w0", generation: 1, reason: "closed")).isEmpty)
        let release = ControlMessage.release(Release(reason: "finished", exitCode: .success))
        #expect(worker.say(release) == [.exit(.success, reason: "finished")])
        #expect(worker.say(release).isEmpty && worker.core.nextDeadline == nil)
    }

    @Test func anEvaluationGetsOnVisibly() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 1, evaluationBatches: 3))
        _ = try worker.step(1)
        worker.now = second
        _ = worker.finish(Turn(.closing, step: 1), try TestWorker.summary())
        worker.now = 2 * second
        let actions = worker.finish(Turn(.evaluation, step: 1), try TestWorker.summary())
        #expect(actions.progress.map(\.stage) == [.evaluation] && actions.reported.isEmpty)
        #expect(actions.last == .begin(Turn(.evaluation, step: 2)))
    }

    @Test func whatCannotBeDoneHalts() {
        var worker = TestWorker.running()
        let halted = Halted(generation: 1, step: 1, cause: .other("no memory"))
        #expect(worker.event(.failed(reason: "no memory")) == [worker.sent(.halted(halted))])
        #expect(worker.event(.failed(reason: "again")).isEmpty)
    }

    // MARK: Reports

    @Test func reportsGoOutInBatches() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 100))
        var sent = 0
        var reports: [UInt32] = []
        for step in 1...50 as ClosedRange<UInt32> {
            worker.now = UInt64(step) * 10_000_000 + second
            let actions = try worker.step(step) + worker.event(.tick)
            sent += actions.progress.count
            reports += actions.reported
        }
        #expect(sent == 5)
        #expect(reports == Array(1...UInt32(reports.count)))
    }

    /// Any worker can report for all: its reports have what the records of all members said.
    @Test func aReportHasWhatAllRecordsSaid() throws {
        var worker = TestWorker.running()
        for (step, sum) in [(1, 6), (2, 12)] as [(UInt32, UInt64)] {
            worker.now += second
            let summary = try TestWorker.summary(samples: [1, 2, 3])
            var report = TestWorker.told(step)
            report.sampleHashes = [1, 2, 3]
            report.epochSampleSum = sum
            let actions =
                worker.finish(Turn(.train, step: step), summary) + worker.event(.updated(TestWorker.report(step)))
                + worker.event(.tick)
            #expect(actions.progress.flatMap(\.reports) == [report])
            #expect(actions.progress.last?.agreement?.point == StatePoint(step: step - 1))
        }
    }

    // MARK: Fetching

    @Test func onlyWhoStandsStillSendsItsShare() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 1))
        let fetch = Fetch(step: 1, share: 1, count: 3)
        _ = try worker.step(1)
        #expect(worker.say(.fetch(fetch)).isEmpty)
        _ = worker.finish(Turn(.closing, step: 1), try TestWorker.summary())
        #expect(worker.core.state == .done)
        // Another share too: a member that is lost now is done without.
        for (share, count) in [(1, 3), (0, 2), (0, 1)] {
            let fetch = Fetch(step: 1, share: share, count: count)
            #expect(worker.say(.fetch(fetch)) == [.sendShare(fetch)])
        }
        // None of another state, and none that there is not.
        for (step, share, count) in [(2, 1, 3), (0, 1, 3), (1, 3, 3), (1, 1, Int.max), (1, -1, 3), (1, 0, 0)] {
            let wrong = Fetch(step: UInt32(step), share: share, count: count)
            #expect(worker.say(.fetch(wrong)).isEmpty)
        }
    }

    // MARK: Ends before the start

    @Test func whoIsRefusedOrUnableSaysSoWithItsExitCode() {
        var worker = TestWorker()
        var lost = worker
        #expect(
            lost.event(.controlLost(TestWorker.control, reason: "refused")) == [
                .dialAgain(reason: "the coordinator was lost: refused")
            ])
        #expect(worker.say(.refused(reason: "no place")) == [.exit(.refused, reason: "no place")])
        var unable = TestWorker()
        _ = unable.say(TestWorker.welcome())
        let reason = Unable(exitCode: .usage, message: "x.gz is missing")
        #expect(unable.event(.unable(reason)) == [unable.sent(.unable(reason))])
        var alone = unable
        #expect(
            alone.event(.controlLost(TestWorker.control, reason: "reset")) == [
                .exit(.usage, reason: "x.gz is missing")
            ])
        let release = ControlMessage.release(Release(reason: "failed", exitCode: .failed))
        #expect(unable.say(release) == [.exit(.usage, reason: "x.gz is missing")])
    }

    @Test func aCoordinatorDoesNotTalkLikeAWorker() {
        for message in ControlMessageTests.messages {
            var worker = TestWorker.running()
            let isWorkers = [
                "hello", "prepared", "unable", "linked", "linkDown", "progress", "frozen", "halted", "done",
            ]
            let isOther = ["pong", "measured", "leaving", "damage"]
            guard (isWorkers + isOther).contains(message.type) else { continue }
            #expect(worker.say(message).exit == .failed, "\(message.type)")
        }
    }

    // MARK: Leaving

    @Test func whoIsAskedToEndSaysSoAndIsReleased() {
        var worker = TestWorker.running()
        let leaving = ControlMessage.leaving(Leaving(reason: "SIGTERM"))
        #expect(worker.event(.leaveRequested(reason: "SIGTERM")) == [worker.sent(leaving)])
        #expect(worker.event(.leaveRequested(reason: "SIGTERM")).isEmpty)
        #expect(worker.core.state == .computing(Turn(.train, step: 1)))
        #expect(worker.say(.release(Release(reason: "left", exitCode: .temporary))).exit == .temporary)
        // Nobody counts on one that is not prepared.
        for isWelcome in [false, true] {
            var early = TestWorker()
            if isWelcome { _ = early.say(TestWorker.welcome()) }
            #expect(
                early.event(.leaveRequested(reason: "SIGTERM")) == [.exit(.temporary, reason: "SIGTERM")])
        }
    }
}
