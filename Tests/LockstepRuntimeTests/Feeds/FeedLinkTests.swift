import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import LockstepRuntime

/// Feeds over real links.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct FeedLinkTests {
    @Test func allOfItArrives() async throws {
        let rig = try await FeedRig()
        let feed = rig.feed()
        #expect(!feed.wantsState(at: 0))
        try await rig.open(feed)
        #expect(feed.wantsState(at: 0))
        guard case .opened = await rig.next()?.event else { throw Unexpected() }
        var samples = [FeedSamples.state(1)]
        for step: UInt32 in 2...30 { samples.append(FeedSamples.step(step)) }
        samples += [FeedSamples.judgement(30), FeedSamples.still(30), FeedSamples.begins(30)]
        for sample in samples { feed.append(sample, at: 0) }
        for sample in samples {
            let parcel = try #require(await rig.nextParcel())
            #expect(parcel.isEqual(to: sample))
        }
        #expect(feed.fedPoint == StatePoint(step: 30))
        await rig.close()
    }

    /// A validation may come to a metric that is infinite: it is told like any other, and the feed goes on.
    @Test func aMetricThatIsInfinite() async throws {
        let rig = try await FeedRig()
        let feed = rig.feed()
        try await rig.open(feed)
        let report = EvaluationReport(epoch: 1, step: 3, sums: [1, 2, .infinity])
        let samples = [
            FeedParcel(FeedItem(generation: 1, .reports(steps: [], evaluations: [report]))), FeedSamples.state(3),
        ]
        for sample in samples { feed.append(sample, at: 0) }
        for sample in samples { #expect(try #require(await rig.nextParcel()).isEqual(to: sample)) }
        await rig.close()
    }

    /// Two that are fed the same parcels, and one of them ends.
    @Test func parcelsAreShared() async throws {
        let rigs = [try await FeedRig(), try await FeedRig()]
        let feeds = rigs.map { $0.feed() }
        for (rig, feed) in zip(rigs, feeds) { try await rig.open(feed) }
        let samples = [FeedSamples.state(1), FeedSamples.step(2), FeedSamples.step(3)]
        for sample in samples { for feed in feeds { feed.append(sample, at: 0) } }
        feeds[0].close()
        for sample in samples { #expect(try #require(await rigs[1].nextParcel()).isEqual(to: sample)) }
        for rig in rigs { await rig.close() }
    }

    /// An observer that takes nothing holds its link: what it does not read piles up at the source, until that begins anew.
    @Test func anObserverThatIsSlow() async throws {
        let rig = try await FeedRig()
        // Ten vectors more than the state.
        var limits = FeedQueue.Limits(bytes: FeedSamples.state(1).byteCount + 10 * FeedSamples.step(1).byteCount)
        limits.pause = 5
        let feed = rig.feed(limits)
        try await rig.open(feed)
        guard case .opened = await rig.next()?.event else { throw Unexpected() }
        feed.append(FeedSamples.state(1), at: 0)
        let (incoming, event) = try #require(await rig.next())
        guard case .fed(let state) = event else { throw Unexpected() }
        // The sockets take some; the observer none behind the state.
        var step: UInt32 = 1
        while feed.fedPoint != nil {
            step += 1
            feed.append(FeedSamples.step(step), at: 0)
            #expect(feed.byteCount <= limits.bytes)
        }
        #expect(incoming.took(state) == 0)
        var taken: UInt32 = 1
        while true {
            let parcel = try #require(await rig.nextParcel())
            if parcel.item.content == .gap { break }
            taken += 1
            #expect(parcel.isEqual(to: FeedSamples.step(taken)))
        }
        #expect(taken < step)
        #expect(!feed.wantsState(at: 4))
        while !feed.wantsState(at: 5) { await Task.yield() }
        feed.append(FeedSamples.state(step), at: 5)
        #expect(try #require(await rig.nextParcel()).isEqual(to: FeedSamples.state(step)))
        await rig.close()
    }

    @Test func fewItemsWaitAtTheObserver() async throws {
        let shape = FeedShape(vectorCount: 1, elementCount: 16, numberCount: 1, sumCount: 1, laneCount: 1)
        let rig = try await FeedRig(shape)
        let feed = rig.feed()
        try await rig.open(feed)
        guard case .opened = await rig.next()?.event else { throw Unexpected() }
        for promised: UInt32 in 2..<40 { feed.append(FeedSamples.still(1, promised: promised), at: 0) }
        var waiting: [FeedParcel] = []
        var incoming: IncomingFeed?
        for promised: UInt32 in 2..<40 {
            // One place becomes free, and one item comes.
            if waiting.count == FeedItem.mostWaiting, let incoming {
                let rest = incoming.took(waiting.removeFirst())
                #expect(rest == FeedItem.mostWaiting - 1)
            }
            let (feed, event) = try #require(await rig.next())
            guard case .fed(let parcel) = event else { throw Unexpected() }
            #expect(parcel.item == FeedSamples.still(1, promised: promised).item)
            incoming = feed
            waiting.append(parcel)
        }
        await rig.close()
    }

    @Test func aFeedThatIsCut() async throws {
        for isCutBySource in [false, true] {
            let rig = try await FeedRig()
            let feed = rig.feed()
            try await rig.open(feed)
            let (incoming, event) = try #require(await rig.next())
            guard case .opened = event else { throw Unexpected() }
            // The last of many parcels, which are not taken, so that the link is held inside what was sent.
            for step: UInt32 in 1...3 { feed.append(FeedSamples.state(step), at: 0) }
            guard case .fed = await rig.next()?.event else { throw Unexpected() }
            if isCutBySource { feed.close() } else { incoming.close() }
            guard case .closed = await rig.next()?.event else { throw Unexpected() }
            if !isCutBySource {
                let (ended, end) = try #require(await rig.nextEnd())
                #expect(ended === feed)
                guard case .lost = end else { throw Unexpected() }
                #expect(feed.byteCount == 0)
                feed.fail("again")
            }
            await rig.close()
        }
    }

    /// Who feeds for long goes on over a new link, on which it begins with a copy.
    @Test func aLinkThatIsWorn() async throws {
        var limits = LinkLimits.patient
        limits.recordsPerKey = 40
        let rig = try await FeedRig(limits: limits)
        let first = rig.feed()
        try await rig.open(first)
        first.append(FeedSamples.state(1), at: 0)
        let (worn, end) = try #require(await rig.nextEnd())
        guard case .worn = end, worn === first else { throw Unexpected() }
        #expect(try #require(await rig.nextParcel()).isEqual(to: FeedSamples.state(1)))
        let second = rig.feed(inPlaceOf: first)
        try await rig.open(second)
        var numbers: [Int] = []
        while numbers.count < 2 {
            let (feed, event) = try #require(await rig.next())
            switch event {
            case .opened, .closed: numbers.append(feed.number)
            case .fed: throw Unexpected()
            }
        }
        #expect(numbers.sorted() == [1, 2])
        first.append(FeedSamples.step(2), at: 0)
        second.append(FeedSamples.state(5), at: 0)
        #expect(try #require(await rig.nextParcel()).isEqual(to: FeedSamples.state(5)))
        await rig.close()
    }

    /// Frames that no source sends end the link, and nothing of them is taken.
    @Test(arguments: [FrameKind.total, .share, .record, .contribution, .feed]) func aWrongFrame(kind: FrameKind)
        async throws
    {
        let rig = try await FeedRig()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let header = FrameHeader(kind: kind, generation: 1, length: 8, offset: kind == .feed ? 8 : 0)
        try await rig.open(WrongSource(header), on: loop)
        guard case .opened = await rig.next()?.event, case .closed(let reason) = await rig.next()?.event else {
            throw Unexpected()
        }
        #expect(reason == "w0 sent a \(kind) frame where an item of its feed was to begin")
        await rig.close()
    }

    @Test func whoIsNotAdmitted() async throws {
        let rig = try await FeedRig()
        let error = await #expect(throws: LinkError.self) {
            try await rig.open(rig.feed(), on: rig.feed().loop, rail: 1)
        }
        #expect(error?.reason.contains("it is fed on another rail") == true)
        let other = await #expect(throws: LinkError.self) {
            try await rig.open(rig.feed(), on: rig.feed().loop, process: ProcessNumber(9))
        }
        #expect(other?.reason.contains("it looks for another process than this w1") == true)
        await rig.close()
    }

    /// A member of a generation lets feeds in too: it is for its core to drop them.
    @Test func inAnyState() async throws {
        let rig = try await FeedRig()
        let roster = Roster(
            generation: 7,
            members: [
                Roster.Member(name: "w1", process: ProcessNumber(2), host: "127.0.0.1", ports: [1], lanes: 0..<1)
            ], startStep: 0, stateHash: StateHash(high: 0, low: 0), exchange: ExchangeSettings())
        rig.rails.begin(roster, own: 0, railCount: 1)
        try await rig.open(rig.feed())
        guard case .opened = await rig.next()?.event else { throw Unexpected() }
        await rig.close()
    }

    /// One that feeds and one that takes its place, and no more than a few.
    @Test func manyAtATime() async throws {
        let rig = try await FeedRig()
        for number in 1...4 {
            try await rig.open(rig.feed())
            #expect(await rig.next()?.feed.number == number)
        }
        await #expect(throws: LinkError.self) { try await rig.open(rig.feed()) }
        await rig.close()
    }

    /// Who is let in counts before its link is open, and no more when it has gone.
    @Test func whoIsAboutToOpenCounts() throws {
        let entrance = FeedEntrance(FeedSamples.shape) { _, _ in }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let greeting = LinkGreeting(
            generation: 1, name: "w0", process: ProcessNumber(1), peerName: "w1", peerProcess: ProcessNumber(2),
            isFeed: true)
        for _ in 0..<2 {
            let feeds = try (0..<4).map { _ in try entrance.admit(greeting, on: loop) }
            #expect(throws: LinkError.self) { try entrance.admit(greeting, on: loop) }
            withExtendedLifetime(feeds) {}
        }
    }

    private struct Unexpected: Error {}
}

/// Sends one frame as soon as it may.
private final class WrongSource: FrameReceiver {
    private let header: FrameHeader

    init(_ header: FrameHeader) { self.header = header }

    func linkOpened(_ link: DataLinkHandler) {
        link.send(header, bytes: Array(repeating: 1, count: Int(header.length)))
        link.flush()
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination { .hold }
    func didReceive(_ header: FrameHeader) throws {}
    func didSend(_ header: FrameHeader) {}
    func linkIsWorn() {}
    func linkRenewalRequested() {}
    func linkRetired() {}
    func linkClosed(_ error: LinkError) {}
}
