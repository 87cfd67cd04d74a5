import LockstepCluster
import LockstepCore
import Testing

/// A run that is asked to stop while a failure is being dealt with.
@Suite struct CoordinatorStopTests {
    /// One of three is lost, one hangs: what the third holds is kept in time.
    @Test func whoHangsDoesNotCostTheSnapshot() {
        var conversation = Conversation.running(3)
        for connection in 0..<3 { _ = conversation.progress(connection, 1, 1...5) }
        #expect(conversation.closed(1).freezes.keys.sorted() == [0, 2])
        #expect(conversation.frozen(0, 2, 5).isEmpty)
        let start = conversation.now
        #expect(conversation.event(.stopRequested(reason: "SIGTERM")).isEmpty)
        var shares: [CoordinatorAction] = []
        for _ in 0..<100 where shares.isEmpty && conversation.core.mode != .ended {
            shares = conversation.wait().filter { if case .collectState = $0 { true } else { false } }
        }
        let share = CoordinatorAction.StateShare(name: "w0", index: 0, count: 1)
        #expect(shares == [.collectState(step: 5, shares: [share])])
        #expect(conversation.now - start <= 1_500_000_000)
    }

    /// As long as nobody has answered, nobody is given up for it.
    @Test func whoAnswersLateStillCounts() {
        var conversation = Conversation.running(2)
        for connection in 0..<2 { _ = conversation.progress(connection, 1, 1...5) }
        #expect(!conversation.closed(1).freezes.isEmpty)
        let start = conversation.now
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        for milliseconds in [1500, 1800, 2100] as [UInt64] {
            conversation.now = start + milliseconds * 1_000_000
            #expect(conversation.event(.tick).warnings.isEmpty)
        }
        let actions = conversation.frozen(0, 2, 5)
        #expect(actions.contains { if case .collectState(step: 5, _) = $0 { true } else { false } }, "\(actions)")
    }
}
