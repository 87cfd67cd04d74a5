import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

/// Loops that do not sleep.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
struct LoopWakerTests {
    private final class Holder: @unchecked Sendable {
        // Safe: touched on one loop only.
        var waker: LoopWaker?
    }

    private func ticks(_ holder: Holder, _ loop: any EventLoop) async throws -> Int {
        try await loop.submit { holder.waker?.ticks ?? -1 }.get()
    }

    @Test func itTicksWhileItIsOn() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let holder = Holder()
        try await loop.submit {
            let waker = LoopWaker(loop: loop)
            holder.waker = waker
            waker.start(atMost: .hours(1))
        }.get()
        #if os(Linux)
        // Nothing else wakes the loop here but this question itself.
        while try await ticks(holder, loop) < 1000 {}
        #endif
        try await loop.submit { holder.waker?.stop() }.get()
        // One more may be on its way.
        _ = try await ticks(holder, loop)
        _ = try await ticks(holder, loop)
        let last = try await ticks(holder, loop)
        for _ in 0..<20 { #expect(try await ticks(holder, loop) == last) }
        // It can be put on again.
        try await loop.submit { holder.waker?.start(atMost: .hours(1)) }.get()
        #if os(Linux)
        while try await ticks(holder, loop) < last + 100 {}
        #endif
        try await loop.submit { holder.waker = nil }.get()
    }

    @Test func itEndsByItself() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let holder = Holder()
        try await loop.submit {
            let waker = LoopWaker(loop: loop)
            holder.waker = waker
            waker.start(atMost: .nanoseconds(0))
        }.get()
        for _ in 0..<20 { #expect(try await ticks(holder, loop) <= 1) }
        try await loop.submit { holder.waker = nil }.get()
    }

    /// A loop of another kind stays as it is.
    @Test func otherLoopsAreLeftAlone() {
        let loop = EmbeddedEventLoop()
        let waker = LoopWaker(loop: loop)
        waker.start(atMost: .hours(1))
        #expect(waker.ticks == 0)
    }
}
