import LockstepCluster
import LockstepCollectives
import LockstepCore
import Testing

/// Who joins and who leaves.
@Suite struct CoordinatorChangeTests {
    /// A worker that comes in mid-run, prepared.
    private func join(_ conversation: inout Conversation, _ name: String, _ connection: Int) -> [CoordinatorAction] {
        conversation.join(name, connection)
        return conversation.prepared(connection)
    }

    private func plan(_ conversation: inout Conversation) -> [Int: UInt32] {
        let start = conversation.now
        for _ in 0..<10_000 where conversation.now - start < 3_000_000_000 {
            let actions = conversation.wait()
            if !actions.plans.isEmpty { return actions.plans }
        }
        return [:]
    }

    // MARK: Joining

    @Test func manyJoinInOneChange() {
        var conversation = Conversation.running(2)
        _ = conversation.observe("w2", 2)
        conversation.now += 100_000_000
        _ = conversation.observe("w3", 3)
        let start = conversation.now
        #expect(plan(&conversation) == [0: 2, 1: 2, 2: 2, 3: 2])
        #expect(conversation.now - start == 100_000_000)
        #expect(conversation.core.journal.last == .generation(2))
        // One that comes now waits for the next change.
        conversation.join("w4", 4)
        #expect(conversation.frozen(0, 2, 7).isEmpty)
        #expect(conversation.frozen(1, 2, 7).freezes == [2: 2, 3: 2])
        _ = conversation.frozen(2, 2, 7)
        let roster = conversation.frozen(3, 2, 7).starts[3]?.roster
        #expect(roster?.members.map(\.name) == ["w0", "w1", "w2", "w3"])
        // Nobody has to copy anything.
        #expect(roster?.start.step == 7 && roster?.holders == ["w0", "w1", "w2", "w3"])
        // Nothing failed.
        #expect(conversation.linked([0, 1, 2, 3], 2).incidents.isEmpty && conversation.core.incidentCount == 0)
        _ = conversation.prepared(4)
        _ = conversation.catchUp(4)
        #expect(plan(&conversation).count == 5)
    }

    /// Whoever is likely to be a member is told of all others, so that links are there before the generation begins.
    @Test func aPlanSaysWhoIsToBeLinked() {
        var conversation = Conversation.running(2)
        func plan() -> [Int: PlannedChange] {
            for _ in 0..<1000 {
                let plans = conversation.wait().changes
                if !plans.isEmpty { return plans }
            }
            return [:]
        }
        _ = conversation.observe("w2", 2)
        // Prepared, but not caught up.
        conversation.join("w9", 9)
        _ = conversation.prepared(9)
        let joining = plan()
        #expect(joining.keys.sorted() == [0, 1, 2] && Set(joining.values).count == 1)
        #expect(joining[2]?.members.map(\.name) == ["w0", "w1", "w2"] && joining[2]?.generation == 2)
        for connection in [0, 1, 2] { _ = conversation.frozen(connection, 2, 4) }
        let roster = conversation.core.roster
        #expect(joining[2]?.members == roster?.members.map(\.address) && joining[2]?.links == roster?.exchange.links)
        // Without the one that leaves.
        _ = conversation.linked([0, 1, 2], 2)
        _ = conversation.say(0, .leaving(Leaving(reason: "SIGTERM")))
        let leaving = plan()
        #expect(leaving[0]?.members.map(\.name) == ["w1", "w2"] && leaving.keys.sorted() == [0, 1, 2])
    }

    /// An observer may stand still before the members have said that they do.
    @Test func whoStandsStillWithItsSourceIsNotAsked() {
        var conversation = Conversation.running(2)
        _ = conversation.observe("w2", 2)
        _ = plan(&conversation)
        #expect(conversation.frozen(2, 2, 7).isEmpty && conversation.frozen(0, 2, 7).isEmpty)
        let actions = conversation.frozen(1, 2, 7)
        #expect(actions.freezes.isEmpty && actions.starts[2]?.roster.holders == ["w0", "w1", "w2"])
    }

    @Test func whoDiffersDoesNotJoin() {
        var conversation = Conversation.running(1)
        conversation.join("w1", 1)
        let actions = conversation.prepared(1, digest: "other")
        #expect(actions.releases == [1: .refused] && actions.freezes.isEmpty)
        // Once, and not that it left besides.
        #expect(
            actions.warnings == [
                "refused worker w1: its plan is other, the run's is d; start it with the same program and the same data"
            ])
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
        _ = conversation.observe("w2", 2)
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 4)
        #expect(conversation.closed(2).starts.keys.sorted() == [0])
    }

    @Test func thereAreNoMoreThanLanes() {
        var conversation = Conversation.running(2, lanes: 2)
        _ = join(&conversation, "w2", 2)
        #expect(plan(&conversation).isEmpty)
        // The surplus is fed when there is a place for it.
        #expect(conversation.closed(1).freezes == [0: 2, 2: 2])
        #expect(conversation.frozen(0, 2, 4).starts.keys.sorted() == [0])
        #expect(conversation.linked([0], 2).preflights.keys.sorted() == [2])
        _ = conversation.catchUp(2, step: 5)
        #expect(plan(&conversation) == [0: 3, 2: 3])
    }

    @Test func aPlanHasAnEnd() {
        var conversation = Conversation.running(2)
        _ = conversation.progress(0, 1, 1...1)
        _ = conversation.observe("w2", 2)
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 4)
        var actions: [CoordinatorAction] = []
        for _ in 0..<100 where actions.freezes.isEmpty { actions = conversation.wait() }
        // With a new number, and by name.
        #expect(actions.freezes == [0: 3, 1: 3, 2: 3])
        for index in 0...2 { _ = conversation.frozen(index, 3, 4) }
        let message = conversation.linked([0, 1, 2], 3).incidents.first?.verdict.message
        #expect(message?.hasPrefix("no planned change within 5 s; it did not come to an end at worker w1") == true)
        // Nobody knows what a turn takes: it is not given up for a change.
        var early = Conversation.running(2)
        _ = early.observe("w2", 2)
        _ = plan(&early)
        let start = early.now
        let pong = Pong(nonce: 1, step: 1, stage: .forward, waitingFor: [])
        for _ in 0..<59 where early.core.mode == .planned(generation: 2) {
            early.now += 1_000_000_000
            for index in 0..<3 { _ = early.say(index, .pong(pong)) }
            _ = early.event(.tick)
        }
        #expect(early.now - start == 59_000_000_000)
        // A loss meanwhile needs a new number too.
        var lost = Conversation.running(2)
        _ = lost.observe("w2", 2)
        _ = plan(&lost)
        #expect(lost.closed(1).freezes == [0: 3, 2: 3])
        #expect(lost.frozen(0, 2, 4).isEmpty)
    }

    /// Who stands still for an older number, the plan of an earlier coordinator, does not come to this plan's end.
    @Test func whoStandsStillForAnotherPlanIsNotWaitedFor() {
        var conversation = Conversation.running(2)
        conversation.join("w3", 3, promised: 5)
        _ = conversation.observe("w2", 2)
        #expect(plan(&conversation) == [0: 6, 1: 6, 2: 6])
        #expect(conversation.frozen(0, 5, 4).freezes == [0: 7, 1: 7, 2: 7])
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
        for _ in 0..<10_000 where plans.isEmpty && conversation.core.mode == .running {
            conversation.now += 1_000_000_000
            for index in 0..<3 {
                let pong = Pong(nonce: 1, step: 5, stage: .forward, waitingFor: [])
                let actions = conversation.say(index, .pong(pong))
                if actions.preflights[index] != nil { _ = conversation.catchUp(index, step: 5) }
                plans.merge(actions.plans) { $1 }
            }
            plans.merge(conversation.event(.tick).plans) { $1 }
        }
        #expect(plans == [0: 3, 1: 3, 2: 3] && conversation.now - start >= 10_000_000_000)
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
        #expect(plan(&conversation).isEmpty)
        var copying = conversation
        _ = conversation.catchUp(1, step: 5)
        #expect(plan(&conversation) == [0: 2, 1: 2])
        _ = conversation.frozen(0, 2, 6)
        let actions = conversation.frozen(1, 2, 6)
        #expect(actions.starts.keys.sorted() == [1] && actions.releases == [0: .temporary])
        // One that nobody can feed copies the state first.
        _ = copying.preflighted(1)
        for _ in 0..<3 { _ = copying.lose(1, from: 0) }
        #expect(plan(&copying) == [0: 2, 1: 2])
        _ = copying.frozen(0, 2, 6)
        let both = copying.frozen(1, 2, 0, hash: copying.hash)
        #expect(both.starts.keys.sorted() == [0, 1] && both.releases.isEmpty)
        _ = copying.linked([0, 1], 2)
        #expect(plan(&copying) == [0: 3, 1: 3])
        _ = copying.frozen(0, 3, 7)
        #expect(copying.frozen(1, 3, 7).releases == [0: .temporary])
    }

    @Test func whereAllAreToLeaveItIsSaid() {
        var conversation = Conversation.running(2)
        #expect(conversation.say(1, .leaving(Leaving(reason: "SIGTERM"))).warnings.isEmpty)
        #expect(conversation.core.heldBack == nil)
        let asked = conversation.say(0, .leaving(Leaving(reason: "SIGTERM")))
        let text = conversation.core.heldBack ?? ""
        #expect(text.contains("nobody else holds the state: w0, w1 stay until another has joined"))
        #expect(
            asked.warnings == ["\(text); to stop the run and keep its state, end its coordinator with SIGTERM"])
        #expect(plan(&conversation).isEmpty)
        // One that joins takes over.
        _ = conversation.progress(0, 1, 1...5)
        _ = join(&conversation, "w2", 2)
        _ = conversation.catchUp(2, step: 5)
        #expect(plan(&conversation) == [0: 2, 1: 2, 2: 2])
        _ = conversation.frozen(0, 2, 6)
        _ = conversation.frozen(1, 2, 6)
        let taken = conversation.frozen(2, 2, 6)
        #expect(taken.starts.keys.sorted() == [2] && taken.releases == [0: .temporary, 1: .temporary])
        #expect(conversation.core.heldBack == nil)
    }

    @Test func oneJoinsAsAnotherLeaves() {
        var conversation = Conversation.running(2, lanes: 2)
        _ = conversation.progress(0, 1, 1...5)
        _ = join(&conversation, "w2", 2)
        // Until then it would have been of no use.
        #expect(conversation.say(1, .leaving(Leaving(reason: "SIGTERM"))).preflights.keys.sorted() == [2])
        _ = conversation.catchUp(2, step: 5)
        _ = plan(&conversation)
        _ = conversation.frozen(0, 2, 6)
        _ = conversation.frozen(1, 2, 6)
        let actions = conversation.frozen(2, 2, 6)
        #expect(actions.starts.keys.sorted() == [0, 2] && actions.releases == [1: .temporary])
    }
}
