import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import LockstepRuntime

/// The data links that others open to worker w1, on its rail 1.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct RailTests {
    private static let process = ProcessNumber(1)

    /// One end of a link that w0 has dialled; tells when it closes, and takes nothing.
    private final class Peer: FrameReceiver {
        let closed: AsyncStream<LinkError>.Continuation

        init(_ closed: AsyncStream<LinkError>.Continuation) { self.closed = closed }

        func linkOpened(_ link: DataLinkHandler) {}
        func willReceive(_ header: FrameHeader) throws -> FrameDestination {
            throw LinkError.violation("nothing is due")
        }
        func didReceive(_ header: FrameHeader) throws {}
        func didSend(_ header: FrameHeader) {}
        func linkIsWorn() {}
        func linkRenewalRequested() {}
        func linkRetired() {}

        func linkClosed(_ error: LinkError) {
            closed.yield(error)
            closed.finish()
        }
    }

    private final class Fixture: Sendable {
        let authority: Authority
        let rail: Rail
        let listener: SecureListener
        let events: AsyncStream<Rail.Event>
        private let loop = MultiThreadedEventLoopGroup.singleton.next()

        init(_ limits: Rail.Limits = Rail.Limits()) async throws {
            let authority = try Authority(cluster: "test")
            let (events, continuation) = AsyncStream.makeStream(of: Rail.Event.self)
            let identity = WorkerIdentity(
                name: "w1", process: RailTests.process, host: "here", processIdentifier: 1, version: "1",
                instructionSet: "generic", threads: 1)
            let rail = Rail(number: 1, loop: loop, identity: identity, limits: limits) { continuation.yield($0) }
            self.authority = authority
            self.events = events
            self.rail = rail
            listener = try await SecureListener.data(
                at: Endpoint(host: "127.0.0.1", port: 0), on: loop,
                contexts: .patient(authority.issue(role: .worker, name: "w1")), limits: .patient,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { greeting, _ throws(LinkError) in try rail.admit(greeting) }
        }

        deinit { close() }

        func close() { rail.loop.execute { [rail] in rail.close() } }

        func park() { rail.loop.execute { [rail] in rail.park() } }

        func begin(_ generation: UInt32) {
            let roster = Roster(
                generation: generation,
                members: (0..<2).map { index in
                    Roster.Member(
                        name: "w\(index)", process: index == 1 ? RailTests.process : ProcessNumber(7),
                        host: "127.0.0.1", ports: [1, 1], lanes: index..<index + 1)
                }, startStep: 0, stateHash: StateHash(high: 1, low: 2), exchange: ExchangeSettings(links: 2))
            rail.loop.execute { [rail] in rail.begin(roster, own: 1) }
        }

        /// Links as a process of `name`.
        func dial(
            _ name: String = "w0", process: UInt64 = 7, generation: UInt32 = 1, to peer: ProcessNumber = process,
            rail: Int = 1, renewal: Int = 0
        ) async throws -> AsyncStream<LinkError> {
            let (closed, continuation) = AsyncStream.makeStream(of: LinkError.self)
            try await DataLinkDialer(
                group: MultiThreadedEventLoopGroup.singleton,
                contexts: .patient(authority.issue(role: .worker, name: name))
            ).connect(
                to: listener.address,
                greeting: LinkGreeting(
                    generation: generation, name: name, process: ProcessNumber(process), peerName: "w1",
                    peerProcess: peer, rail: rail, renewal: renewal),
                timeout: .patience
            ) { _ in
                nil
            } receiver: { _ in
                Peer(continuation)
            }
            return closed
        }

        /// Asks as a process of `name` whether w1 can be reached.
        func ask(_ name: String = "w0", generation: UInt32 = 1, to peer: ProcessNumber = process) async throws
            -> LinkGreeting?
        {
            let answers = Mutex<LinkGreeting?>(nil)
            try await DataLinkDialer(
                group: MultiThreadedEventLoopGroup.singleton,
                contexts: .patient(authority.issue(role: .worker, name: name))
            ).ask(
                listener.address,
                greeting: LinkGreeting(
                    generation: generation, name: name, process: ProcessNumber(7), peerName: "w1", peerProcess: peer,
                    rail: 1, isProbe: true),
                timeout: .patience
            ) { answer in
                answers.withLock { $0 = answer }
                return nil
            }
            return answers.withLock { $0 }
        }

        /// The place of the next member that is linked.
        func nextLinked() async -> Int? {
            for await case .linked(let member, _) in events { return member }
            return nil
        }
    }

    private let letIn = "the link was let in"

    private func refusal(_ dial: () async throws -> AsyncStream<LinkError>) async -> String {
        do {
            _ = try await dial()
            return letIn
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
        fixture.begin(3)
        #expect(await fixture.nextLinked() == 0)
    }

    @Test func aNewerLinkOfTheSameProcessTakesThePlaceOfTheOlder() async throws {
        let fixture = try await Fixture()
        let older = try await fixture.dial()
        let other = try await fixture.dial(process: 8)
        let newer = try await fixture.dial()
        #expect(await isClosed(older))
        fixture.begin(1)
        #expect(await fixture.nextLinked() == 0)
        // Of another process than the roster's.
        #expect(await isClosed(other))
        fixture.close()
        #expect(await isClosed(newer))
    }

    /// It was dialled for a plan that came to nothing, and took its time.
    @Test func aLateLinkOfAnOlderGenerationTakesNobodysPlace() async throws {
        let fixture = try await Fixture()
        let newer = try await fixture.dial(generation: 2)
        #expect(await isClosed(try await fixture.dial(generation: 1)))
        fixture.begin(2)
        #expect(await fixture.nextLinked() == 0)
        fixture.close()
        #expect(await isClosed(newer))
    }

    @Test func aLinkDoesNotWaitForEver() async throws {
        let fixture = try await Fixture(Rail.Limits(waiting: .milliseconds(50)))
        #expect(await isClosed(try await fixture.dial()))
    }

    /// The deadline is for links that wait: a member's stays.
    @Test func aMembersLinkHasNoDeadline() async throws {
        let fixture = try await Fixture(Rail.Limits(waiting: .milliseconds(300)))
        fixture.begin(1)
        let member = try await fixture.dial()
        #expect(await fixture.nextLinked() == 0)
        // Dialled later, so it ends later than the member's would.
        #expect(await isClosed(try await fixture.dial(generation: 2)))
        fixture.close()
        var ends: [LinkError] = []
        for await end in member { ends.append(end) }
        #expect(ends.count == 1)
        #expect(await refusal { try await fixture.dial() } != letIn)
    }

    @Test func tooManyLinksThatWaitAreRefused() async throws {
        let fixture = try await Fixture(Rail.Limits(mostWaiting: 1))
        fixture.begin(1)
        // A member's link does not count.
        _ = try await fixture.dial()
        #expect(await fixture.nextLinked() == 0)
        _ = try await fixture.dial("w2", generation: 2)
        #expect(await refusal { try await fixture.dial("w3", generation: 2) }.contains("too many links wait here"))
    }

    @Test func nothingIsLetInAfterTheEnd() async throws {
        let fixture = try await Fixture()
        let waiting = try await fixture.dial()
        fixture.close()
        #expect(await isClosed(waiting))
        #expect(await refusal { try await fixture.dial() } != letIn)
    }

    @Test func linksThatHaveNoPlace() async throws {
        let fixture = try await Fixture()
        fixture.begin(2)
        #expect(await refusal { try await fixture.dial(generation: 1) }.contains("is of generation 1"))
        #expect(await refusal { try await fixture.dial("w5", generation: 2) }.contains("no member of generation 2"))
        #expect(await refusal { try await fixture.dial(process: 8, generation: 2) }.contains("another process"))
        #expect(
            await refusal { try await fixture.dial(generation: 2, to: ProcessNumber(9)) }.contains("another process"))
        #expect(await refusal { try await fixture.dial(generation: 2, rail: 0) }.contains("looks for rail 0"))
        // Itself.
        #expect(
            await refusal { try await fixture.dial("w1", process: 1, generation: 2) }.contains("no member"))
        // A successor of nothing.
        #expect(await refusal { try await fixture.dial(generation: 2, renewal: 1) }.contains("no successor 1 now"))
        _ = try await fixture.dial(generation: 2)
        #expect(await refusal { try await fixture.dial(generation: 2) }.contains("was there already"))
        #expect(await refusal { try await fixture.dial(generation: 2, renewal: 2) }.contains("no successor 2 now"))
        fixture.park()
        #expect(await refusal { try await fixture.dial(generation: 2) }.contains("generation 2 is over"))
    }

    /// Its other end goes on on the new link as soon as that is open, so one successor is enough at a time.
    @Test func aSuccessorIsLetInOnce() async throws {
        let fixture = try await Fixture()
        fixture.begin(1)
        let first = try await fixture.dial()
        #expect(await fixture.nextLinked() == 0)
        _ = try await fixture.dial(renewal: 1)
        #expect(await refusal { try await fixture.dial(renewal: 2) }.contains("no successor 2 now"))
        fixture.close()
        #expect(await isClosed(first))
    }

    /// Who only asks is answered in any generation, and takes nobody's place.
    @Test func whoAsksIsAnswered() async throws {
        let fixture = try await Fixture()
        fixture.begin(2)
        let link = try await fixture.dial(generation: 2)
        #expect(await fixture.nextLinked() == 0)
        for generation: UInt32 in [1, 2, 3] {
            let answer = try #require(try await fixture.ask(generation: generation))
            #expect(answer.isProbe && answer.name == "w1" && answer.process == RailTests.process)
        }
        _ = try await fixture.ask("w5")
        await #expect(throws: LinkError.self) { try await fixture.ask(to: ProcessNumber(9)) }
        // The member's own link is still the one.
        #expect(await refusal { try await fixture.dial(generation: 2) }.contains("was there already"))
        fixture.close()
        #expect(await isClosed(link))
        await #expect(throws: LinkError.self) { try await fixture.ask() }
    }
}
