internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The rails that a worker offers: an event loop each, with a listener of its own, since an accepted connection stays on the
/// loop that accepted it.
final class RailGroup: Sendable {
    let rails: [Rail]
    private let group: MultiThreadedEventLoopGroup
    private let listeners = Mutex<[SecureListener]>([])

    /// - Parameters:
    ///   - entrance: lets links of feeds in, on rail 0; nil where there are none.
    ///   - post: called on the loops.
    init(
        count: Int, identity: WorkerIdentity, limits: Rail.Limits = Rail.Limits(), entrance: FeedEntrance? = nil,
        post: @escaping @Sendable (Rail.Event, _ rail: Int) -> Void
    ) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        rails = group.makeIterator().enumerated().map { number, loop in
            Rail(
                number: number, loop: loop, identity: identity, limits: limits, entrance: number == 0 ? entrance : nil
            ) { post($0, number) }
        }
        // The loops' threads have the policy of the one that made them.
        for rail in rails { rail.loop.execute { ThreadPolicy.latency.apply() } }
    }

    /// Listens for the links of other workers, one address a rail.
    ///
    /// - Parameters:
    ///   - endpoint: of rail 0; the others have the ports behind it, or any where its port is 0.
    ///   - isClear: whether the links have no TLS.
    /// - Returns: the addresses that are bound.
    /// - Throws: `CommandError`.
    func listen(
        at endpoint: Endpoint, contexts: TLSContexts, limits: LinkLimits, isClear: Bool, logger: Logger
    ) async throws -> [Endpoint] {
        var addresses: [Endpoint] = []
        for rail in rails {
            let listener = try await SecureListener.data(
                at: try endpoint.following(rail.number), on: rail.loop, contexts: contexts, limits: limits,
                isClear: isClear, logger: logger
            ) { greeting, _ throws(LinkError) in try rail.admit(greeting) }
            listeners.withLock { $0.append(listener) }
            addresses.append(listener.address)
        }
        return addresses
    }

    /// Begins a generation on the first so many rails, and ends the one before on all.
    func begin(_ roster: Roster, own: Int, railCount: Int) {
        for rail in rails {
            rail.loop.execute { if rail.number < railCount { rail.begin(roster, own: own) } else { rail.park() } }
        }
    }

    /// Drops the generation in progress and its links. When it returns, no loop uses anything of that generation any more.
    /// Not to be called on a loop.
    ///
    /// - Returns: the names of the members that the turn in progress waited for.
    @discardableResult
    func park() -> [String] {
        let parking = rails.map { rail in
            rail.loop.submit {
                defer { rail.park() }
                return rail.waitingFor
            }
        }
        var names: [String] = []
        for rail in parking {
            // A loop that has ended uses nothing.
            guard let more = try? rail.wait() else { continue }
            names += more.filter { !names.contains($0) }
        }
        return names
    }

    /// The names of the members that the turn in progress waits for.
    func waitingFor() async -> [String] {
        var names: [String] = []
        for rail in rails {
            let more = (try? await rail.loop.submit { rail.waitingFor }.get()) ?? []
            names += more.filter { !names.contains($0) }
        }
        return names
    }

    #if LOCKSTEP_FAILPOINTS
    /// Cuts the links of the generation in progress.
    func dropLinks() {
        for rail in rails { rail.loop.execute { rail.dropLinks() } }
    }
    #endif

    /// Ends all links; none is let in afterwards.
    func close() {
        for rail in rails { rail.loop.execute { rail.close() } }
    }

    /// Ends the listeners; after `close`. Returns when the last connection has ended.
    func stopListening() async {
        for listener in listeners.withLock({ $0 }) {
            listener.initiateShutdown()
            await listener.waitUntilClosed()
        }
    }

    /// Ends the loops; nothing may use the rails any more.
    func endLoops() async { try? await group.shutdownGracefully() }
}

extension Endpoint {
    /// The address of a rail: the port `number` behind this one; any, where this one is any.
    ///
    /// - Throws: `CommandError` where there is none.
    func following(_ number: Int) throws(CommandError) -> Endpoint {
        guard port > 0 else { return self }
        guard port + number <= 65_535 else {
            throw .usage("\(self): there is no port for link \(number); choose a lower port, or fewer --links")
        }
        return Endpoint(host: host, port: port + number)
    }
}
