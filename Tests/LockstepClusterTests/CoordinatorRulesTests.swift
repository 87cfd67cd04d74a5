import LockstepCluster
import LockstepCore
import Testing

/// What a worker says is a claim, and a bulk connection belongs to a worker.
@Suite struct CoordinatorRulesTests {
    private func isExpelled(_ connection: Int, _ actions: [CoordinatorAction]) -> Bool {
        let closed = actions.contains { if case .close(ConnectionNumber(connection), _) = $0 { true } else { false } }
        return closed && actions.releases[connection] != nil
    }

    private func report(
        epoch: UInt32 = 1, loss: Double = 1, metric: Double = 1, rate: Double = 1, samples: UInt32 = 1,
        seconds: Double = 1
    ) -> StepReport {
        StepReport(
            step: 1, epoch: epoch, loss: loss, metrics: [StepReport.NamedValue(name: "accuracy", value: metric)],
            learningRate: rate, samples: samples, seconds: seconds)
    }

    @Test func aReportThatCannotBeIsNotShown() {
        let wrong = [
            report(epoch: 0), report(samples: 0), report(seconds: -1), report(seconds: .nan),
            report(seconds: .infinity), report(loss: .nan), report(metric: .infinity), report(rate: -.infinity),
        ]
        for report in wrong {
            var conversation = Conversation.running(2)
            let message = ControlMessage.progress(
                Progress(generation: 1, step: 1, stage: .update, reports: [self.report(), report]))
            let actions = conversation.say(1, message)
            #expect(isExpelled(1, actions), "\(report)")
            #expect(!actions.contains { if case .report = $0 { true } else { false } })
            #expect(actions.warnings.first?.hasPrefix("worker lost: w1 (reported a step with") == true)
        }
        var conversation = Conversation.running(2)
        let message = ControlMessage.progress(
            Progress(generation: 1, step: 1, stage: .update, reports: [report(seconds: 0)]))
        #expect(conversation.say(1, message) == [.report([report(seconds: 0)])])
    }

    @Test func whoCannotBeReachedIsNoMember() {
        let long = String(repeating: "a", count: 254)
        let wrong: [(step: UInt32, host: String, ports: [Int])] = [
            (UInt32.max, "h", [1]), (1, "h", [1]), (0, "", [1]), (0, long, [1]), (0, "h h", [1]), (0, "h\u{1B}", [1]),
            (0, "ö", [1]), (0, "h", []), (0, "h", [0]), (0, "h", [1, -1]), (0, "h", [65_536]),
            (0, "h", Array(1...17)),
        ]
        for (step, host, ports) in wrong {
            var conversation = Conversation(workers: 1)
            conversation.join("w0", 0)
            #expect(isExpelled(0, conversation.prepared(0, step: step, host: host, ports: ports)), "\(host) \(ports)")
            #expect(conversation.core.mode == .gathering)
        }
        var conversation = Conversation(workers: 1)
        conversation.join("w0", 0)
        #expect(!conversation.prepared(0, host: String(long.dropLast()), ports: [65_535]).isEmpty)
        #expect(conversation.core.mode == .running)
    }

    @Test func aCountIsNotNegative() {
        var conversation = Conversation.running(2)
        let done = Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: -1, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
        #expect(isExpelled(1, conversation.say(1, .done(done))))
    }

    @Test func whoCannotTakePartIsLetGo() {
        let expected: [(ExitCode, ExitCode)] = [
            (.success, .failed), (.verification, .failed), (.interrupted, .failed), (.failed, .failed),
            (.refused, .refused), (.temporary, .temporary),
        ]
        for (said, result) in expected {
            var conversation = Conversation(workers: 1)
            conversation.join("w0", 0)
            let actions = conversation.say(0, .unable(Unable(exitCode: said, message: "no")))
            #expect(actions.releases == [0: result] && conversation.core.mode == .gathering)
            #expect(actions.warnings.first?.contains("it cannot take part: no") == true)
        }
        // What is wrong with the job ends the run before it begins, and later concerns one alone.
        let usage = ControlMessage.unable(Unable(exitCode: .usage, message: "no"))
        var early = Conversation(workers: 1)
        early.join("w0", 0)
        #expect(early.say(0, usage).verdict?.exitCode == .usage)
        var late = Conversation.running(1)
        _ = late.hello("w1", 1)
        #expect(late.say(1, usage).releases == [1: .usage] && late.core.mode == .running)
    }

    @Test func whereNobodyCanComeThereIsNoRun() {
        var conversation = Conversation(workers: 2)
        _ = conversation.hello("w0", 0)
        #expect(conversation.event(.quarantined(name: "w0", reason: "no memory")).verdict == nil)
        _ = conversation.closed(0)
        let verdict = conversation.event(.quarantined(name: "w1", reason: "no memory")).verdict
        #expect(verdict?.worker == "w1" && verdict?.message == "worker w1 cannot be kept running: no memory")
        // Those that can come are enough.
        var fewer = Conversation(workers: 2)
        fewer.join("w0", 0)
        _ = fewer.prepared(0)
        #expect(!fewer.event(.quarantined(name: "w1", reason: "no memory")).starts.isEmpty)
        // But not where more are needed.
        var needed = Conversation(workers: 2) { $0.minWorkers = 2 }
        needed.join("w0", 0)
        _ = needed.prepared(0)
        _ = needed.closed(0)
        #expect(needed.event(.quarantined(name: "w1", reason: "no memory")).verdict?.worker == "w1")
    }

    // MARK: The bulk connection

    @Test func theStartWaitsForTheBulkConnection() {
        var conversation = Conversation(workers: 1)
        _ = conversation.hello("w0", 0)
        #expect(conversation.prepared(0).isEmpty)
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(100)) == nil)
        let actions = conversation.hello("w0", 100, process: 0, purpose: .bulk)
        #expect(actions.contains { if case .workersReady = $0 { true } else { false } })
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(100)) == "w0")
        // A newer one takes its place.
        let again = conversation.hello("w0", 200, process: 0, purpose: .bulk)
        #expect(again == [.close(ConnectionNumber(100), reason: "replaced by a newer connection")])
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(100)) == nil)
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(200)) == "w0")
        #expect(conversation.event(.closed(ConnectionNumber(100), reason: "closed")).isEmpty)
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(200)) == "w0")
    }

    @Test func aLostBulkConnectionIsOpenedAgain() {
        var conversation = Conversation.running(2)
        #expect(conversation.closed(101).isEmpty && conversation.core.mode == .running)
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(101)) == nil)
        #expect(conversation.hello("w1", 201, process: 1, purpose: .bulk).isEmpty)
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(201)) == "w1")
    }

    // MARK: Late wishes

    private func done(_ conversation: Conversation) -> ControlMessage {
        .done(
            Done(
                generation: 1, step: 3, hash: conversation.hash, lanesComputed: 12, gradientBytesSent: 0,
                evaluation: nil, lastEpoch: [1]))
    }

    @Test func aWishInTheGraceIsAWish() {
        var conversation = Conversation.running(2) { $0.maxFailures = 0 }
        _ = conversation.event(.closed(ConnectionNumber(1), reason: "reset"))
        #expect(conversation.event(.stopRequested(reason: "SIGTERM")).isEmpty)
        let end = conversation.wait()
        #expect(end.verdict == nil && end.result?.exitCode == .temporary && end.releases == [0: .temporary])
        guard case .stopped(let reason)? = end.result?.outcome else {
            Issue.record("not stopped")
            return
        }
        #expect(reason.hasPrefix("SIGTERM; there is no snapshot, because worker w1 was lost"))
    }

    @Test func aWishWhileTheStateIsCollectedIsAWish() {
        var conversation = Conversation.running(2)
        for index in 0..<2 { _ = conversation.say(index, done(conversation)) }
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        var complete = conversation
        for index in 0..<2 { _ = conversation.closed(index) }
        var end: [CoordinatorAction] = []
        for _ in 0..<10_000 where end.result == nil { end = conversation.wait() }
        #expect(end.result?.exitCode == .temporary)
        // A run that completes all the same has completed.
        _ = complete.event(.stateCollected(step: 3))
        #expect(complete.event(.snapshotWritten(step: 3, digest: Conversation.digest)).result?.exitCode == .success)
    }

    @Test func aWishThatStoppedNobodyIsStillAWish() {
        var conversation = Conversation.running(2)
        _ = conversation.say(0, done(conversation))
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        _ = conversation.say(1, done(conversation))
        let start = conversation.now
        // It does not wait for its snapshot for longer than any stop does.
        var end: [CoordinatorAction] = []
        for _ in 0..<10_000 where end.result == nil && end.verdict == nil { end = conversation.wait() }
        #expect(end.result?.exitCode == .temporary && conversation.now - start == 3_000_000_000)
    }
}
