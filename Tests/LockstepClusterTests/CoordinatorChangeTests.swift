import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// Who joins, who leaves, and a run that pauses.
@Suite struct CoordinatorChangeTests {
    /// A worker that comes in mid-run, prepared.
    private func join(_ conversation: inout Conversation, _ name: String, _ connection: Int) -> [CoordinatorAction] {
        conversation.join(name, connection)
        return conversation.prepared(connection)
    }

    private func plan(_ conversation: inout Conversation) -> [Int: UInt32] {
        let start = conversation.now
        while conversation.now - start < 3_000_000_000 {
            let actions = conversation.wait()
            if !actions.plans.isEmpty { return actions.plans }
        }
        return [:]
    }

    // MARK: Joining

    @Test func manyJoinInOneChange() {
        var conversation = Conversation.running(2)
        #expect(join(&conversation, "w2", 2).isEmpty)
        conversation.now += 100_000_000
        #expect(join(&conversation, "w3", 3).isEmpty)
        let start = conversation.now
        #expect(plan(&conversation) == [0: 2, 1: 2])
        #expect(conversation.now - start == 100_000_000)
        #expect(conversation.core.journal.last == .generation(2))
        // One that comes now waits for the next change.
        conversation.join("w4", 4)
        #expect(conversation.frozen(0, 2, 7).isEmpty)
        #expect(conversation.frozen(1, 2, 7).freezes == [2: 2, 3: 2])
        _ = conversation.frozen(2, 2, 0, hash: conversation.hash)
        let roster = conversation.frozen(3, 2, 0, hash: conversation.hash).starts[3]?.roster
        #expect(roster?.members.map(\.name) == ["w0", "w1", "w2", "w3"])
        #expect(roster?.start.step == 7 && roster?.holders == ["w0", "w1"])
        // Nothing failed.
        #expect(conversation.linked([0, 1, 2, 3], 2).incidents.isEmpty && conversation.core.incidentCount == 0)
        _ = conversation.prepared(4)
        #expect(plan(&conversation).count == 4)
    }

    @Test func whoDiffersDoesNotJoin() {
        var conversation = Conversation.running(1)
        conversation.join("w1", 1)
        let actions = conversation.prepared(1, digest: "other")
        #expect(actions.releases == [1: .refused] && actions.freezes.isEmpty)
        #expect(actions.warnings.first == "refused worker w1: its plan is other, the run's is d")
        conversation.join("w2", 2)
        #expect(conversation.prepared(2, probe: 8).releases == [2: .refused])
        #expect(plan(&conversation).isEmpty && conversation.core.mode == .running)
    }

    @Test func aJoinerThatGoesIsNoLoss() {
        var conversation = Conversation.running(1)
        _ = join(&conversation, "w1", 1)
        #expect(conversation.closed(1).freezes.isEmpty && conversation.core.mode == .running)
        #expect(plan(&conversation).isEmpty)
        // Nor is one that goes while it is asked.
        _ = join(&conversation, "w2", 2)
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 4)
        #expect(conversation.closed(2).starts.keys.sorted() == [0])
    }

    @Test func thereAreNoMoreThanLanes() {
        var conversation = Conversation.running(2, lanes: 2)
        _ = join(&conversation, "w2", 2)
        #expect(plan(&conversation).isEmpty)
        // The surplus is there when it is needed.
        #expect(conversation.closed(1).freezes == [0: 2, 2: 2])
        _ = conversation.frozen(0, 2, 4)
        #expect(conversation.frozen(2, 2, 0, hash: conversation.hash).starts.keys.sorted() == [0, 2])
    }

    @Test func aPlanHasAnEnd() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...1)
        _ = join(&conversation, "w2", 2)
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 4)
        var actions: [CoordinatorAction] = []
        while actions.freezes.isEmpty { actions = conversation.wait() }
        // With a new number, and by name.
        #expect(actions.freezes == [0: 3, 1: 3, 2: 3])
        for index in 0..<2 { _ = conversation.frozen(index, 3, 4) }
        _ = conversation.frozen(2, 3, 0, hash: conversation.hash)
        let message = conversation.linked([0, 1, 2], 3).incidents.first?.verdict.message
        #expect(message?.hasPrefix("no planned change within 5 s; it did not come to an end at worker w1") == true)
        // A loss meanwhile needs a new number too.
        var lost = Conversation.running(2)
        _ = join(&lost, "w2", 2)
        _ = plan(&lost)
        #expect(lost.closed(1).freezes == [0: 3, 2: 3])
        #expect(lost.frozen(0, 2, 4).isEmpty)
    }

    @Test func whoWasOutOfReachWaits() {
        var conversation = Conversation.running(3)
        _ = conversation.say(0, .linkDown(LinkDown(generation: 1, peer: "w2", reason: "reset")))
        _ = conversation.frozen(0, 2, 3, outOfReach: ["w2"])
        _ = conversation.frozen(1, 2, 4)
        // Of two that cannot reach each other the one with the newer state stays.
        #expect(conversation.frozen(2, 2, 4).starts.keys.sorted() == [1, 2])
        _ = conversation.linked([1, 2], 2)
        let start = conversation.now
        var plans: [Int: UInt32] = [:]
        while plans.isEmpty, conversation.core.mode == .running {
            conversation.now += 1_000_000_000
            for index in 0..<3 {
                let pong = Pong(nonce: 1, step: 5, stage: .forward, waitingFor: [])
                plans.merge(conversation.say(index, .pong(pong)).plans) { $1 }
            }
            plans.merge(conversation.event(.tick).plans) { $1 }
        }
        #expect(plans == [1: 3, 2: 3] && conversation.now - start >= 10_000_000_000)
    }

    // MARK: Leaving

    @Test func whoLeavesIsReleasedAfterTheChange() {
        var conversation = Conversation.running(2)
        let asked = conversation.say(1, .leaving(Leaving(reason: "SIGTERM")))
        #expect(asked.releases.isEmpty && conversation.core.workerReadings[1].isLeaving)
        #expect(plan(&conversation) == [0: 2, 1: 2])
        _ = conversation.frozen(0, 2, 5)
        let actions = conversation.frozen(1, 2, 5)
        #expect(actions.starts.keys.sorted() == [0] && actions.releases == [1: .temporary])
        #expect(conversation.closed(1).isEmpty)
        #expect(conversation.linked([0], 2).incidents.isEmpty)
        // Asked by someone else, and one who is no member.
        var drained = Conversation.running(2)
        _ = join(&drained, "w2", 2)
        #expect(drained.event(.drainRequested(name: "w2")).releases == [2: .temporary])
        _ = drained.event(.drainRequested(name: "w0"))
        #expect(plan(&drained) == [0: 2, 1: 2])
    }

    @Test func theLastOneStaysUntilAnotherHasTheState() {
        var conversation = Conversation.running(1)
        let asked = conversation.say(0, .leaving(Leaving(reason: "SIGTERM")))
        #expect(asked.warnings.first?.contains("nobody else holds the state") == true)
        #expect(plan(&conversation).isEmpty)
        _ = conversation.progress(0, 1, 1...5)
        _ = join(&conversation, "w1", 1)
        #expect(plan(&conversation) == [0: 2])
        _ = conversation.frozen(0, 2, 6)
        let both = conversation.frozen(1, 2, 0, hash: conversation.hash)
        #expect(both.starts.keys.sorted() == [0, 1] && both.releases.isEmpty)
        _ = conversation.linked([0, 1], 2)
        #expect(plan(&conversation) == [0: 3, 1: 3])
        _ = conversation.frozen(0, 3, 7)
        #expect(conversation.frozen(1, 3, 7).releases == [0: .temporary])
    }

    @Test func oneJoinsAsAnotherLeaves() {
        var conversation = Conversation.running(2, lanes: 2)
        _ = conversation.progress(0, 1, 1...5)
        _ = join(&conversation, "w2", 2)
        _ = conversation.say(1, .leaving(Leaving(reason: "SIGTERM")))
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 6)
        _ = conversation.frozen(1, 2, 6)
        let actions = conversation.frozen(2, 2, 0, hash: conversation.hash)
        #expect(actions.starts.keys.sorted() == [0, 2] && actions.releases == [1: .temporary])
    }

    // MARK: Pausing

    @Test func belowTheLeastNumberTheRunPauses() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.progress(0, 1, 1...5)
        _ = conversation.closed(1)
        let paused = conversation.frozen(0, 2, 6)
        #expect(paused.warnings == ["the run is paused: 1 of at least 2 workers are here"])
        #expect(conversation.core.pauseReason == "1 of at least 2 workers are here")
        #expect(conversation.core.mode == .paused(generation: 2))
        conversation.join("w2", 2)
        // Everybody is asked again, under a new number.
        #expect(conversation.prepared(2).freezes == [0: 3, 2: 3])
        _ = conversation.frozen(0, 3, 6)
        #expect(conversation.frozen(2, 3, 0, hash: conversation.hash).starts.keys.sorted() == [0, 2])
        #expect(conversation.core.pauseReason == nil)
        #expect(conversation.linked([0, 2], 3).incidents.first?.verdict.worker == "w1")
    }

    @Test func whoMayHoldTheStateIsWaitedFor() {
        var conversation = Conversation.running(1)
        _ = conversation.progress(0, 1, 1...5)
        let lost = conversation.closed(0)
        #expect(lost.contains { if case .log(_, let text, _) = $0 { text.contains("is paused") } else { false } })
        // A new worker holds nothing of it.
        conversation.join("w1", 1)
        #expect(conversation.prepared(1).freezes == [1: 3])
        let waiting = conversation.frozen(1, 3, 0, hash: conversation.hash)
        #expect(waiting.warnings.first?.hasSuffix("waiting for w0") == true)
        var returned = conversation
        var ended = conversation
        // It comes back.
        _ = returned.hello("w0", 10, process: 0, running: 1, isPrepared: true)
        _ = returned.hello("w0", 110, process: 0, purpose: .bulk)
        _ = returned.frozen(1, 4, 0, hash: conversation.hash)
        let roster = returned.frozen(10, 4, 5).starts[1]?.roster
        #expect(roster?.start.step == 5 && roster?.holders == ["w0"])
        // Its process has ended.
        let asked = ended.event(.processEnded(name: "w0", processIdentifier: 100, description: "signal 9 (SIGKILL)"))
        #expect(asked.contains(.offerState))
        // It does not come.
        let start = conversation.now
        var actions: [CoordinatorAction] = []
        while !actions.contains(.offerState) {
            conversation.now += 1_000_000_000
            _ = conversation.say(1, .pong(Pong(nonce: 1, step: 0, stage: .idle, waitingFor: [])))
            actions = conversation.event(.tick)
        }
        #expect(conversation.now - start >= 15_000_000_000)
        // A second arrival does not ask a second time.
        conversation.join("w2", 2)
        #expect(conversation.prepared(2).isEmpty)
        let offer = Holding(point: StatePoint(step: 4), hash: Conversation.hash(4), wholeHash: Conversation.hash(4))
        #expect(conversation.event(.stateOffered(offer)).starts[1]?.roster.start.step == 4)
    }

    @Test func nobodyWaitsForTheDead() {
        // Their ends are the first that is heard of it.
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...5)
        for index in 0..<2 {
            let number = Int32(100 + index)
            _ = conversation.event(
                .processEnded(name: "w\(index)", processIdentifier: number, description: "signal 9 (SIGKILL)"))
        }
        conversation.join("w2", 2)
        _ = conversation.prepared(2)
        #expect(conversation.frozen(2, 3, 0, hash: conversation.hash).contains(.offerState))
        // Nor for those whose names others have by now.
        var replaced = Conversation.running(1)
        _ = replaced.progress(0, 1, 1...5)
        _ = replaced.closed(0)
        replaced.join("w0", 10)
        _ = replaced.prepared(10)
        #expect(replaced.frozen(10, 3, 0, hash: replaced.hash).contains(.offerState))
    }

    @Test func whoLeavesDoesNotWaitForTheOthers() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.say(1, .leaving(Leaving(reason: "SIGTERM")))
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 6)
        let paused = conversation.frozen(1, 2, 6)
        #expect(conversation.core.mode == .paused(generation: 2) && paused.releases == [1: .temporary])
    }

    @Test func aPauseIsSaidOnce() {
        var conversation = Conversation.running(1) { $0.minWorkers = 3 }
        #expect(conversation.core.mode == .gathering)
        for index in 1..<3 { conversation.join("w\(index)", index) }
        for index in 1..<3 { _ = conversation.prepared(index) }
        _ = conversation.linked([0, 1, 2], 1)
        _ = conversation.closed(2)
        _ = conversation.frozen(0, 2, 4)
        #expect(conversation.frozen(1, 2, 4).warnings == ["the run is paused: 2 of at least 3 workers are here"])
        _ = conversation.closed(1)
        _ = conversation.hello("w1", 11, process: 1, running: 1, isPrepared: true)
        _ = conversation.frozen(0, 3, 4)
        #expect(conversation.frozen(11, 3, 4).isEmpty)
    }

    @Test func nothingAtAllIsTheEnd() {
        var conversation = Conversation(workers: 1) {
            $0.start = .init(step: 6, hash: StateHash(high: 1, low: 2))
        }
        conversation.join("w0", 0)
        _ = conversation.prepared(0, step: 6)
        _ = conversation.linked([0], 1)
        _ = conversation.closed(0)
        _ = conversation.event(.processEnded(name: "w0", processIdentifier: 100, description: "signal 9 (SIGKILL)"))
        _ = conversation.hello("w1", 1)
        _ = conversation.hello("w1", 101, process: 1, purpose: .bulk)
        _ = conversation.prepared(1, step: 6)
        _ = conversation.say(1, .frozen(Frozen(generation: 3, holding: nil)))
        let verdict = conversation.event(.nothingToOffer(reason: "all snapshots are damaged")).verdict
        #expect(verdict?.message.contains("nobody holds the state of the run any more") == true)
    }

    @Test func aPausedRunCanBeStopped() {
        var conversation = Conversation.running(2) { $0.minWorkers = 2 }
        _ = conversation.closed(1)
        _ = conversation.frozen(0, 2, 6)
        // Who is left holds what is kept.
        let actions = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(actions.fetches == [0: [Fetch(step: 6, share: 0, count: 1)]])
        var empty = Conversation.running(1)
        _ = empty.closed(0)
        #expect(empty.event(.stopRequested(reason: "SIGTERM")).result?.exitCode == .temporary)
    }
}
