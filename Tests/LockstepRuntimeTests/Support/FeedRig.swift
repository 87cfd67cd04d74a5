import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import LockstepRuntime

/// A source and an observer in this process, linked by TLS over the loopback interface. The observer takes nothing by itself.
final class FeedRig: Sendable {
    let shape: FeedShape
    let observer: WorkerAddress
    /// What the observer has got.
    let received: AsyncStream<(feed: IncomingFeed, event: IncomingFeed.Event)>
    /// What the source has heard of its feeds.
    let ends: AsyncStream<(feed: OutgoingFeed, end: OutgoingFeed.End)>
    let rails: RailGroup
    private let contexts: TLSContexts
    private let ended: AsyncStream<(feed: OutgoingFeed, end: OutgoingFeed.End)>.Continuation
    private let limits: LinkLimits

    /// - Parameter limits: of the source's links.
    init(_ shape: FeedShape = FeedSamples.shape, limits: LinkLimits = .patient) async throws {
        let authority = try Authority(cluster: "test")
        self.shape = shape
        self.limits = limits
        (ends, ended) = AsyncStream.makeStream()
        let (received, continuation) = AsyncStream.makeStream(of: (feed: IncomingFeed, event: IncomingFeed.Event).self)
        self.received = received
        let identity = WorkerIdentity(
            name: "w1", process: ProcessNumber(2), host: "here", processIdentifier: 1, version: "1",
            instructionSet: "generic", threads: 1)
        rails = RailGroup(
            count: 2, identity: identity,
            entrance: FeedEntrance(shape) { feed, event in continuation.yield((feed, event)) }
        ) { _, _ in }
        let addresses = try await rails.listen(
            at: Endpoint(host: "127.0.0.1", port: 0),
            contexts: try TLSContexts(authority.issue(role: .worker, name: "w1")), limits: .patient, isClear: false,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        observer = WorkerAddress(
            name: "w1", process: ProcessNumber(2), host: "127.0.0.1", ports: addresses.map(\.port))
        contexts = try TLSContexts(authority.issue(role: .worker, name: "w0"))
    }

    func close() async {
        rails.close()
        await rails.stopListening()
        await rails.endLoops()
    }

    /// A feed that is not open yet.
    func feed(_ limits: FeedQueue.Limits? = nil, inPlaceOf predecessor: OutgoingFeed? = nil) -> OutgoingFeed {
        OutgoingFeed(
            from: "w0", to: observer, on: MultiThreadedEventLoopGroup.singleton.next(), shape,
            limits ?? FeedQueue.Limits(shape), predecessor: predecessor
        ) { [ended] feed, end in ended.yield((feed, end)) }
    }

    /// Dials the observer.
    func open(_ feed: OutgoingFeed) async throws { try await open(feed, on: feed.loop) }

    /// - Parameters:
    ///   - receiver: of what the observer says.
    ///   - rail: whose listener is dialled.
    func open(
        _ receiver: sending any FrameReceiver, on loop: any EventLoop, rail: Int = 0,
        process: ProcessNumber = ProcessNumber(2)
    ) async throws {
        let receiver = Once(receiver)
        try await DataLinkDialer(group: loop, contexts: contexts, limits: limits).connect(
            to: Endpoint(host: "127.0.0.1", port: observer.ports[rail]),
            greeting: LinkGreeting(
                generation: 1, name: "w0", process: ProcessNumber(1), peerName: "w1", peerProcess: process, rail: rail,
                isFeed: true),
            timeout: .patience
        ) { answer in
            answer.isFeed && answer.name == "w1" && answer.process == ProcessNumber(2) ? nil : "it answers as another"
        } receiver: { _ in
            try receiver.take()
        }
    }

    /// Hands a receiver to its loop.
    // Safe: it is taken once.
    private final class Once: @unchecked Sendable {
        private let receiver: any FrameReceiver
        init(_ receiver: sending any FrameReceiver) { self.receiver = receiver }
        func take() throws -> any FrameReceiver { receiver }
    }

    func nextEnd() async -> (feed: OutgoingFeed, end: OutgoingFeed.End)? {
        for await end in ends { return end }
        return nil
    }

    func next() async -> (feed: IncomingFeed, event: IncomingFeed.Event)? {
        for await event in received { return event }
        return nil
    }

    /// The next item of any feed, taken.
    func nextParcel() async -> FeedParcel? {
        for await (feed, event) in received {
            guard case .fed(let parcel) = event else { continue }
            _ = feed.took(parcel)
            return parcel
        }
        return nil
    }
}
