import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepWire
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import LockstepRuntime

/// The data links that others open to worker w1.
@Suite(.timeLimit(.minutes(1))) struct PeerLinksTests {
    private static let process = ProcessNumber(1)

    /// One end of a link that w0 has dialled; tells when it closes.
    private final class Peer: FrameReceiver {
        let closed: AsyncStream<LinkError>.Continuation

        init(_ closed: AsyncStream<LinkError>.Continuation) { self.closed = closed }

        func linkOpened(_ link: DataLinkHandler) {}
        func willReceive(_ header: FrameHeader) throws -> FrameDestination {
            throw LinkError.violation("nothing is due")
        }
        func didReceive(_ header: FrameHeader) throws {}

        func linkClosed(_ error: LinkError) {
            closed.yield(error)
            closed.finish()
        }
    }

    private final class Fixture: Sendable {
        let authority: Authority
        let links: PeerLinks
        let listener: SecureListener
        let events: AsyncStream<WorkerDriver.Event>
        private let loop = MultiThreadedEventLoopGroup.singleton.next()

        init(_ limits: PeerLinks.Limits = PeerLinks.Limits()) async throws {
            let authority = try Authority(cluster: "test")
            let (events, continuation) = AsyncStream.makeStream(of: WorkerDriver.Event.self)
            let identity = WorkerIdentity(
                name: "w1", process: PeerLinksTests.process, host: "here", processIdentifier: 1, version: "1",
                instructionSet: "generic", threads: 1)
            let links = PeerLinks(loop: loop, identity: identity, limits: limits) { continuation.yield($0) }
            self.authority = authority
            self.events = events
            self.links = links
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: loop,
                contexts: TLSContexts(authority.issue(role: .worker, name: "w1")),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { greeting, _ throws(LinkError) in try links.admit(greeting) }
        }

        deinit { links.close() }

        func roster(_ generation: UInt32) -> Roster {
            Roster(
                generation: generation,
                members: (0..<2).map { index in
                    Roster.Member(
                        name: "w\(index)", process: index == 1 ? PeerLinksTests.process : ProcessNumber(7),
                        host: "127.0.0.1", port: 1, lanes: index..<index + 1)
                }, startStep: 0, stateHash: StateHash(high: 1, low: 2), bucketBoundaries: [])
        }

        func begin(_ generation: UInt32) throws {
            let plan = try ExchangePlan(
                tree: LaneTree(laneCount: 2), lanes: [0..<1, 1..<2], ownIndex: 1, buckets: Buckets(elementCount: 16),
                sumCount: 3)
            let schedule = TurnSchedule(stepsDone: 0, lastStep: 1, evaluationBatches: 0)
            links.begin(
                roster(generation), exchange: Exchange(plan: plan, generation: generation, schedule: schedule),
                memory: ExchangeMemory(plan: plan))
        }

        /// Links as a process of `name`.
        func dial(
            _ name: String = "w0", process: UInt64 = 7, generation: UInt32 = 1, to peer: ProcessNumber = process
        ) async throws -> AsyncStream<LinkError> {
            let (closed, continuation) = AsyncStream.makeStream(of: LinkError.self)
            try await DataLinkDialer(
                group: MultiThreadedEventLoopGroup.singleton,
                contexts: TLSContexts(authority.issue(role: .worker, name: name))
            ).connect(
                to: listener.address,
                greeting: LinkGreeting(
                    generation: generation, name: name, process: ProcessNumber(process), peerName: "w1",
                    peerProcess: peer)
            ) { _ in
                nil
            } receiver: { _ in
                Peer(continuation)
            }
            return closed
        }

        func nextLinked() async -> String? {
            for await case .core(.linked(let peer, _)) in events { return peer }
            return nil
        }
    }

    private func refusal(_ dial: () async throws -> AsyncStream<LinkError>) async -> String {
        do {
            _ = try await dial()
            return "the link was let in"
        } catch {
            return (error as? LinkError)?.reason ?? "\(error)"
        }
    }

    private func isClosed(_ link: AsyncStream<LinkError>) async -> Bool {
        for await _ in link { return true }
        return false
    }

    @Test func aLinkBeforeStartWaitsForIt() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.dial(generation: 3)
        try fixture.begin(3)
        #expect(await fixture.nextLinked() == "w0")
    }

    @Test func aNewerLinkOfTheSameProcessTakesThePlaceOfTheOlder() async throws {
        let fixture = try await Fixture()
        let older = try await fixture.dial()
        let other = try await fixture.dial(process: 8)
        let newer = try await fixture.dial()
        #expect(await isClosed(older))
        try fixture.begin(1)
        #expect(await fixture.nextLinked() == "w0")
        // Of another process than the roster's.
        #expect(await isClosed(other))
        fixture.links.close()
        #expect(await isClosed(newer))
    }

    @Test func aLinkDoesNotWaitForEver() async throws {
        let fixture = try await Fixture(PeerLinks.Limits(waiting: .milliseconds(50)))
        #expect(await isClosed(try await fixture.dial()))
    }

    /// The deadline is for links that wait: a member's stays.
    @Test func aMembersLinkHasNoDeadline() async throws {
        let fixture = try await Fixture(PeerLinks.Limits(waiting: .milliseconds(300)))
        try fixture.begin(1)
        let member = try await fixture.dial()
        #expect(await fixture.nextLinked() == "w0")
        // Dialled later, so it ends later than the member's would.
        #expect(await isClosed(try await fixture.dial(generation: 2)))
        fixture.links.close()
        var ends: [LinkError] = []
        for await end in member { ends.append(end) }
        #expect(ends.count == 1)
        #expect(await refusal { try await fixture.dial() }.contains("this worker ends"))
    }

    @Test func tooManyLinksThatWaitAreRefused() async throws {
        let fixture = try await Fixture(PeerLinks.Limits(mostWaiting: 1))
        try fixture.begin(1)
        // A member's link does not count.
        _ = try await fixture.dial()
        #expect(await fixture.nextLinked() == "w0")
        _ = try await fixture.dial("w2", generation: 2)
        #expect(await refusal { try await fixture.dial("w3", generation: 2) }.contains("too many links wait here"))
    }

    @Test func nothingIsLetInAfterTheEnd() async throws {
        let fixture = try await Fixture()
        let waiting = try await fixture.dial()
        fixture.links.close()
        #expect(await isClosed(waiting))
        #expect(await refusal { try await fixture.dial() }.contains("this worker ends"))
    }

    @Test func linksThatHaveNoPlace() async throws {
        let fixture = try await Fixture()
        try fixture.begin(2)
        #expect(await refusal { try await fixture.dial(generation: 1) }.contains("is of generation 1"))
        #expect(await refusal { try await fixture.dial("w5", generation: 2) }.contains("no member of generation 2"))
        #expect(await refusal { try await fixture.dial(process: 8, generation: 2) }.contains("another process"))
        #expect(
            await refusal { try await fixture.dial(generation: 2, to: ProcessNumber(9)) }.contains("another process"))
        // Itself.
        #expect(
            await refusal { try await fixture.dial("w1", process: 1, generation: 2) }.contains("no member"))
        _ = try await fixture.dial(generation: 2)
        #expect(await refusal { try await fixture.dial(generation: 2) }.contains("was there already"))
    }
}
