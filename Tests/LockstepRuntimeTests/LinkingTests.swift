import LockstepCluster
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Synchronization
import Testing

@testable import LockstepRuntime

@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct LinkingTests {
    /// What a network that fails by plan was asked for.
    private struct Calls {
        var attempts: [DialQueue.Dial: Int] = [:]
        var inFlight = 0
        var mostInFlight = 0
    }

    private func queue(own: Int, links: Int = 1, mostInFlight: Int) -> DialQueue {
        var timing = DialQueue.Timing()
        timing.mostInFlight = mostInFlight
        timing.pause = 0
        return DialQueue(own: own, links: links, timing: timing, now: 0)
    }

    @Test("all are dialled, few at a time; what fails is dialled again, what is refused is lost")
    func dialling() async {
        let calls = Mutex(Calls())
        var lost: [Int: String] = [:]
        await Linking.run(queue(own: 20, links: 2, mostInFlight: 3), clock: { 0 }) { dial, _ in
            let attempt = calls.withLock { calls in
                calls.inFlight += 1
                calls.mostInFlight = max(calls.mostInFlight, calls.inFlight)
                calls.attempts[dial, default: 0] += 1
                return calls.attempts[dial, default: 0]
            }
            await Task.yield()
            calls.withLock { $0.inFlight -= 1 }
            if dial.member == 7 { throw LinkError.refused("not you") }
            if dial.member % 3 == 0, attempt < 3 { throw LinkError.closed("busy") }
        } lost: { dial, reason in
            lost[dial.member] = reason
        }
        let made = calls.withLock { $0 }
        #expect(made.attempts.count == 40 && made.mostInFlight == 3)
        #expect(made.attempts.allSatisfy { $0.value == ($0.key.member % 3 == 0 ? 3 : 1) })
        #expect(lost == [7: "not you"])
    }

    @Test("a link that cannot be made is lost when patience ends")
    func patience() async {
        let time = Mutex<UInt64>(0)
        var lost: [String] = []
        await Linking.run(queue(own: 1, mostInFlight: 1), clock: { time.withLock { $0 } }) { _, limit in
            time.withLock { $0 += 9_000_000_000 }
            throw LinkError.unreachable("nobody there, \(limit / 1_000_000_000) s left")
        } lost: { _, reason in
            lost.append(reason)
        }
        #expect(lost == ["nobody there, 2 s left"])
    }

    @Test("who is cancelled dials nothing more and has lost nothing")
    func cancellation() async {
        let (begun, continuation) = AsyncStream.makeStream(of: Void.self)
        let calls = Mutex(0)
        let queue = queue(own: 9, mostInFlight: 2)
        let task = Task(executorPreference: OwnThreads.shared) {
            var lost = 0
            await Linking.run(queue, clock: { 0 }) { _, _ in
                calls.withLock { $0 += 1 }
                continuation.yield()
                // Ends by cancellation only.
                for await _ in AsyncStream<Void>.makeStream().stream {}
                throw LinkError.closed("cancelled")
            } lost: { _, _ in
                lost += 1
            }
            return lost
        }
        var beginnings = begun.makeAsyncIterator()
        _ = await beginnings.next()
        _ = await beginnings.next()
        task.cancel()
        #expect(await task.value == 0)
        #expect(calls.withLock { $0 } == 2)
    }
}
