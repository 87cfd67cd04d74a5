import LockstepCluster
import Testing

@testable import LockstepRuntime

/// What waits for an observer, and what happens where that is too much.
@Suite struct FeedQueueTests {
    private static let shape = FeedShape(vectorCount: 2, elementCount: 4096, numberCount: 1, sumCount: 2, laneCount: 2)
    private static let state = FeedSamples.state(10, shape)
    private static func step(_ step: UInt32) -> FeedParcel { FeedSamples.step(step, shape) }

    /// Everything that is sent, in order.
    private static func drain(_ queue: inout FeedQueue) -> [FeedItem] {
        var items: [FeedItem] = []
        while let parcel = queue.next() {
            items.append(parcel.item)
            queue.sent()
        }
        return items
    }

    private static func drained(_ queue: inout FeedQueue, _ items: [FeedItem]) -> Bool { drain(&queue) == items }

    @Test func aCopyComesFirst() {
        var queue = FeedQueue(FeedQueue.Limits(Self.shape))
        #expect(queue.wantsState(at: 0))
        queue.append(Self.step(11), at: 0)
        queue.append(FeedSamples.judgement(11), at: 0)
        queue.append(FeedSamples.still(11), at: 0)
        #expect(queue.fedPoint == nil)
        #expect(Self.drained(&queue, [FeedSamples.still(11).item]))
        queue.append(Self.state, at: 0)
        queue.append(Self.step(11), at: 0)
        #expect(queue.fedPoint == StatePoint(step: 11))
        #expect(!queue.wantsState(at: 0))
        #expect(Self.drained(&queue, [Self.state.item, Self.step(11).item]))
        #expect(queue.byteCount == 0)
    }

    /// What is on its way counts, and is not taken back.
    @Test func isBoundedAndBeginsAgain() {
        var limits = FeedQueue.Limits(bytes: Self.state.byteCount + 3 * Self.step(1).byteCount)
        limits.pause = 10
        limits.longestPause = 25
        var queue = FeedQueue(limits)
        var now: UInt64 = 100
        for pause: UInt64 in [10, 20, 25, 25] {
            #expect(queue.wantsState(at: now))
            queue.append(Self.state, at: now)
            #expect(queue.next()?.item == Self.state.item)
            for step: UInt32 in 11...13 {
                queue.append(Self.step(step), at: now)
                #expect(queue.byteCount <= limits.bytes)
            }
            #expect(queue.byteCount == limits.bytes)
            queue.append(Self.step(14), at: now)
            #expect(queue.fedPoint == nil)
            queue.append(Self.step(15), at: now)
            // Nothing is begun while the last one is on its way.
            #expect(!queue.wantsState(at: now + pause))
            queue.sent()
            #expect(!queue.wantsState(at: now + pause))
            #expect(Self.drained(&queue, [FeedItem(generation: 1, .gap)]))
            #expect(!queue.wantsState(at: now + pause - 1))
            now += pause
        }
        #expect(queue.wantsState(at: now))
    }

    @Test func anotherStartNeedsACopy() {
        var queue = FeedQueue(FeedQueue.Limits(Self.shape))
        queue.append(Self.state, at: 0)
        queue.forgetState()
        queue.append(FeedSamples.begins(9), at: 0)
        #expect(!queue.wantsState(at: 0))
        #expect(Self.drained(&queue, [Self.state.item, FeedSamples.begins(9).item]))
        #expect(queue.wantsState(at: 0))
    }

    @Test func theBoundOfAJob() {
        #expect(FeedQueue.Limits(Self.shape).bytes == 4 * (4 * 2 * 4096 + 8) + 64 << 20)
    }
}
