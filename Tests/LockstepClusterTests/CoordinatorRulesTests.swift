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
            // The end of its process is no better evidence than its own words.
            _ = conversation.event(.processEnded(name: "w1", processIdentifier: 101, description: "exit status 1"))
            let verdict = conversation.wait().verdict
            #expect(verdict?.worker == "w1" && verdict?.cause.contains("reported a step with") == true)
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
        #expect(conversation.core.mode == .linking)
    }

    @Test func aCountIsNotNegative() {
        var conversation = Conversation.running(2)
        let done = Done(
            generation: 1, step: 3, hash: conversation.hash, lanesComputed: -1, gradientBytesSent: 0, evaluation: nil,
            lastEpoch: [1])
        #expect(isExpelled(1, conversation.say(1, .done(done))))
    }

    @Test func whoCannotTakePartNeverMakesASuccess() {
        let expected: [(ExitCode, ExitCode)] = [
            (.success, .failed), (.verification, .failed), (.interrupted, .failed), (.failed, .failed),
            (.usage, .usage), (.refused, .refused), (.temporary, .temporary),
        ]
        for (said, result) in expected {
            var conversation = Conversation(workers: 1)
            conversation.join("w0", 0)
            let actions = conversation.say(0, .unable(Unable(exitCode: said, message: "no")))
            #expect(actions.verdict?.exitCode == result)
        }
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

    @Test func aLostBulkConnectionIsALostWorker() {
        var conversation = Conversation.running(2)
        _ = conversation.event(.closed(ConnectionNumber(101), reason: "reset"))
        #expect(conversation.core.bulkOwner(of: ConnectionNumber(101)) == nil)
        let actions = conversation.wait()
        #expect(actions.verdict?.worker == "w1")
        #expect(actions.verdict?.cause == "its bulk connection was lost: reset")
        // It still listens, and hears the end like all others.
        #expect(actions.releases == [0: .failed, 1: .failed])
        // Better evidence counts.
        var killed = Conversation.running(2)
        _ = killed.event(.closed(ConnectionNumber(101), reason: "reset"))
        _ = killed.event(.processEnded(name: "w1", processIdentifier: 101, description: "signal 9 (SIGKILL)"))
        #expect(killed.wait().verdict?.cause == "signal 9 (SIGKILL)")
        // Before the start another may come.
        var early = Conversation(workers: 2)
        early.join("w0", 0)
        let expelled = early.event(.closed(ConnectionNumber(100), reason: "reset"))
        #expect(isExpelled(0, expelled) && expelled.releases == [0: .temporary])
        #expect(early.hello("w0", 5).refusal == nil)
    }

    // MARK: Late wishes

    private func done(_ conversation: Conversation) -> ControlMessage {
        .done(
            Done(
                generation: 1, step: 3, hash: conversation.hash, lanesComputed: 12, gradientBytesSent: 0,
                evaluation: nil, lastEpoch: [1]))
    }

    @Test func aWishInTheGraceIsAWish() {
        var conversation = Conversation.running(2)
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
        _ = conversation.event(.closed(ConnectionNumber(1), reason: "reset"))
        #expect(conversation.wait().result?.exitCode == .temporary)
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
        var lost = conversation
        _ = lost.event(.closed(ConnectionNumber(1), reason: "reset"))
        #expect(lost.wait().result?.exitCode == .temporary)
        // Nor does it wait for its snapshot for longer than any stop does.
        var end: [CoordinatorAction] = []
        while end.result == nil, end.verdict == nil { end = conversation.wait() }
        #expect(end.result?.exitCode == .temporary && conversation.now - start == 3_000_000_000)
    }
}
