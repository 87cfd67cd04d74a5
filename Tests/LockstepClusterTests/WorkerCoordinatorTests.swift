import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepCluster

/// The coordinator is lost, comes back, or is another one.
@Suite struct WorkerCoordinatorTests {
    private let second: UInt64 = 1_000_000_000
    private let next = ConnectionNumber(7)

    private func lose(_ worker: inout TestWorker) -> [WorkerAction] {
        worker.event(.controlLost(worker.connection, reason: "reset"))
    }

    /// Connects again.
    private func `return`(_ worker: inout TestWorker, incarnation: UInt32 = 2, reportedStep: UInt32 = 0)
        -> [WorkerAction]
    {
        worker.connection = next
        return worker.event(.connected(next))
            + worker.say(TestWorker.welcome(incarnation: incarnation, reportedStep: reportedStep))
    }

    @Test func helloSaysHowFarItHasCome() {
        var worker = TestWorker()
        #expect(worker.core.standing == WorkerStanding())
        _ = worker.say(TestWorker.welcome(incarnation: 3))
        _ = worker.event(.prepared(TestWorker.preparation()))
        _ = worker.start(TestWorker.roster(4))
        _ = worker.freeze(6)
        let hello = TestWorker.identity.hello(.control, worker.core.standing)
        #expect(hello.running == 4 && hello.promised == 6 && hello.incarnation == 3 && hello.isPrepared)
    }

    @Test func onlyTheNewestConnectionIsObeyed() {
        var worker = TestWorker.prepared()
        #expect(worker.event(.connected(ConnectionNumber(4))).isEmpty)
        #expect(worker.freeze(1).isEmpty)
        // One that was opened before it is older, whenever it is heard of.
        #expect(worker.event(.connected(ConnectionNumber(2))).isEmpty)
        worker.connection = ConnectionNumber(4)
        // Nor before it has said who it is.
        #expect(worker.freeze(1).isEmpty && worker.core.promised == 0)
        #expect(worker.say(TestWorker.welcome()).messages.map(\.type) == ["prepared"])
        #expect(worker.freeze(1) == [.hashState])
        #expect(worker.event(.controlLost(TestWorker.control, reason: "x")).isEmpty)
        #expect(
            worker.event(.controlLost(ConnectionNumber(4), reason: "reset")) == [
                .dialAgain(reason: "the coordinator was lost: reset")
            ])
        #expect(worker.event(.connected(ConnectionNumber(4))).isEmpty && worker.say(TestWorker.welcome()).isEmpty)
    }

    @Test func aLowerIncarnationIsNotObeyed() {
        var worker = TestWorker.prepared()
        _ = lose(&worker)
        #expect(`return`(&worker, incarnation: 5).count == 1)
        worker.connection = ConnectionNumber(9)
        _ = worker.event(.connected(worker.connection))
        let actions = worker.say(TestWorker.welcome(incarnation: 4))
        #expect(actions.count == 2)
        guard case .closeConnection(ConnectionNumber(9), _) = actions.first, case .dialAgain = actions.last else {
            Issue.record("the connection stays: \(actions)")
            return
        }
        #expect(worker.freeze(9).isEmpty && worker.core.promised == 0)
        // That it is closed is no news.
        #expect(worker.event(.controlLost(worker.connection, reason: "closed")).isEmpty)
        // The canary: an equal one is.
        worker.connection = ConnectionNumber(10)
        _ = worker.event(.connected(worker.connection))
        #expect(worker.say(TestWorker.welcome(incarnation: 5)).count == 1)
    }

    @Test func anotherRunIsNotThisOne() {
        var worker = TestWorker.prepared()
        _ = lose(&worker)
        worker.connection = next
        _ = worker.event(.connected(next))
        #expect(worker.say(TestWorker.welcome(run: "other")).exit == .temporary)
    }

    @Test func workGoesOnWithoutACoordinator() throws {
        var worker = TestWorker.running()
        _ = try worker.step(1)
        #expect(lose(&worker).count == 1)
        worker.now = second
        let actions = try worker.step(2)
        #expect(actions.messages.isEmpty && actions.deeds.last == .begin(Turn(.train, step: 3)))
        // Time does not run in circles while nothing can be said.
        #expect(worker.core.nextDeadline == 600 * second)
        let back = `return`(&worker)
        #expect(back.messages.map(\.type) == ["prepared", "progress", "linked"])
        #expect(back.reported == [1, 2])
        #expect(worker.core.state == .computing(Turn(.train, step: 3)))
        // A coordinator that has them already is not told again.
        _ = lose(&worker)
        worker.connection = ConnectionNumber(8)
        _ = worker.event(.connected(worker.connection))
        #expect(worker.say(TestWorker.welcome(incarnation: 3, reportedStep: 1)).reported == [2])
    }

    @Test func whatWasSaidIsSaidAgain() throws {
        func again(_ worker: TestWorker) -> [ControlMessage] {
            var worker = worker
            _ = lose(&worker)
            let messages = `return`(&worker).messages
            #expect(worker.say(TestWorker.welcome(incarnation: 2)).isEmpty)
            return messages
        }
        var worker = TestWorker.prepared()
        #expect(again(worker) == [.prepared(TestWorker.preparation().prepared)])
        _ = worker.event(.leaveRequested(reason: "SIGTERM"))
        #expect(again(worker).map(\.type) == ["prepared", "leaving"])
        let frozen = worker.standStill(worker.freeze(3))
        #expect(again(worker).last == frozen.map { .frozen($0) })
        _ = worker.start(TestWorker.roster(3))
        #expect(again(worker).map(\.type) == ["prepared", "leaving", "linked"])
        _ = worker.event(.linkLost(peer: "w0", generation: 3, reason: "reset"))
        #expect(again(worker).map(\.type) == ["prepared", "leaving", "linked", "linkDown"])
        var halted = worker
        _ = halted.event(.failed(reason: "x"))
        #expect(again(halted).map(\.type) == ["prepared", "leaving", "halted"])
        // Not while it is about to freeze: the answer comes.
        _ = worker.freeze(4)
        #expect(again(worker).map(\.type) == ["prepared", "leaving"])
        var done = TestWorker.running(TestWorker.preparation(lastStep: 1))
        _ = try done.step(1)
        let last = done.finish(Turn(.closing, step: 1), try TestWorker.summary()).done
        #expect(again(done).last == last.map { .done($0) })
        var unable = TestWorker()
        _ = unable.say(TestWorker.welcome())
        // It goes on preparing, and says what came of it to whoever is there.
        _ = lose(&unable)
        #expect(`return`(&unable).isEmpty && unable.core.state == .preparing)
        let reason = Unable(exitCode: .usage, message: "x")
        #expect(unable.event(.unable(reason)) == [unable.sent(.unable(reason))])
    }

    @Test func whatIsDoneWhileNobodyListensIsSaidLater() {
        var worker = TestWorker.running()
        _ = worker.freeze(2)
        _ = lose(&worker)
        // No word reaches anybody, but it stands still.
        #expect(worker.standStill([.park]) == nil && worker.core.state == .frozen)
        #expect(`return`(&worker).frozen?.generation == 2)
        // Likewise what came before WELCOME.
        _ = lose(&worker)
        worker.connection = ConnectionNumber(8)
        _ = worker.event(.connected(worker.connection))
        #expect(worker.event(.leaveRequested(reason: "SIGTERM")).isEmpty)
        #expect(
            worker.say(TestWorker.welcome(incarnation: 2)).messages.map(\.type) == ["prepared", "leaving", "frozen"])
    }

    // MARK: Time

    @Test func silenceEndsAConnectionAndPatienceTheWorker() {
        var worker = TestWorker.prepared()
        // The heart beats, and so does every message.
        worker.now = 20 * second
        _ = worker.event(.heard(reportedStep: 0))
        worker.now = 45 * second
        _ = worker.say(.plan(PlannedChange(generation: 9)))
        #expect(worker.core.nextDeadline == 75 * second)
        worker.now = 74 * second
        #expect(worker.event(.tick).isEmpty)
        worker.now = 75 * second
        let actions = worker.event(.tick)
        guard case .closeConnection(TestWorker.control, let reason) = actions.first, actions.count == 2,
            case .dialAgain = actions.last
        else {
            Issue.record("\(actions)")
            return
        }
        #expect(reason == "nothing was heard on it for 30 s")
        // Patience counts from the last word.
        #expect(worker.core.nextDeadline == 645 * second)
        worker.now = 645 * second
        #expect(worker.event(.tick) == [.exit(.temporary, reason: "the coordinator has not been heard for 600 s")])
        // Before the first WELCOME the shell dials for as long as its patience lasts; a connection may still be silent.
        var early = TestWorker()
        #expect(early.core.nextDeadline == 30 * second)
        early.now = 30 * second
        #expect(early.event(.tick).count == 2 && early.core.nextDeadline == nil)
    }

    // MARK: Reports

    @Test func reportsAreKeptUntilTheyAreCovered() throws {
        var worker = TestWorker.running(TestWorker.preparation(lastStep: 100))
        for step in 1...6 as ClosedRange<UInt32> {
            worker.now += second
            _ = try worker.step(step)
        }
        _ = worker.say(.ping(Ping(nonce: 1, reportedStep: 2)))
        _ = worker.event(.heard(reportedStep: 3))
        _ = lose(&worker)
        #expect(`return`(&worker).reported == [4, 5, 6])
        // A coordinator that has lost what it had written down is told what there is.
        _ = worker.event(.heard(reportedStep: 1))
        _ = lose(&worker)
        worker.connection = ConnectionNumber(8)
        _ = worker.event(.connected(worker.connection))
        #expect(worker.say(TestWorker.welcome(incarnation: 2, reportedStep: 1)).reported == [4, 5, 6])
    }

    /// Coordinators come and go, each with what the last one had written down; what is on its way is lost with them.
    @Test func noCoordinatorLeavesAHole() throws {
        for seed in 0..<60 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var worker = TestWorker.running(TestWorker.preparation(lastStep: 1000))
            var written: UInt32 = 0
            var isHeard = true
            var incarnation: UInt32 = 1
            func hear(_ actions: [WorkerAction]) {
                for step in actions.reported where isHeard && step == written + 1 { written = step }
            }
            for step in 1...120 as ClosedRange<UInt32> {
                worker.now += UInt64.random(in: 0..<200_000_000, using: &random)
                hear(try worker.step(step))
                hear(worker.event(.tick))
                switch Int.random(in: 0..<12, using: &random) {
                case 0:
                    // It takes what comes with it, though the worker has sent it.
                    isHeard = false
                case 1:
                    isHeard = false
                    _ = lose(&worker)
                case 2 where isHeard: hear(worker.event(.heard(reportedStep: written)))
                case 3...5 where !isHeard:
                    isHeard = true
                    incarnation += 1
                    worker.connection = ConnectionNumber(Int(incarnation))
                    _ = worker.event(.connected(worker.connection))
                    hear(worker.say(TestWorker.welcome(incarnation: incarnation, reportedStep: written)))
                default: break
                }
            }
            isHeard = true
            worker.connection = ConnectionNumber(1000)
            _ = worker.event(.connected(worker.connection))
            hear(worker.say(TestWorker.welcome(incarnation: incarnation, reportedStep: written)))
            #expect(written == 120, "seed \(seed)")
        }
    }

    @Test func aWorkerWithTooManyReportsWaits() throws {
        let most = UInt32(UnreportedWork.mostSteps)
        let held = TestWorker.held(most - 2)
        var worker = TestWorker.running(TestWorker.preparation(held, lastStep: 100_000))
        for step in 1...(most - 2) { worker.core.unreported.append(TestWorker.report(step)) }
        _ = lose(&worker)
        #expect(try worker.step(most - 1).last == .begin(Turn(.train, step: most)))
        guard case .apply = try worker.step(most).last else {
            Issue.record("the worker goes on")
            return
        }
        #expect(worker.core.state == .waiting(Turn(.train, step: most + 1)) && worker.core.stage == .idle)
        var frozen = worker
        let back = `return`(&worker, reportedStep: 0)
        #expect(back.reported == Array(1...most) && back.deeds.isEmpty)
        // In messages of a size that can be sent.
        for message in back.messages.prefix(3) { #expect(try ControlMessageCoding.encode(message).count < 1 << 20) }
        #expect(worker.event(.heard(reportedStep: 9)) == [.begin(Turn(.train, step: most + 1))])
        // It can stand still as well.
        _ = `return`(&frozen, reportedStep: 0)
        #expect(frozen.standStill(frozen.freeze(2))?.holding?.point.step == most)
    }
}
