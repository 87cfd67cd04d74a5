internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore
internal import Synchronization

/// A coordinator's connections: numbers them, reads them into events, writes to them.
final class CoordinatorConnections: Sendable {
    private struct Connection {
        let link: ControlLink
        let name: String
        let processIdentifier: Int32
    }

    private struct Connections {
        var count = 0
        // Looked up by number; closing in any order does no harm.
        var open: [ConnectionNumber: Connection] = [:]
        // Looked up by name: the operating system's number of the newest process that said PREPARED.
        var prepared: [String: Int32] = [:]
        var isClosed = false
    }

    private let events: CoordinatorEvents
    private let logger: Logger
    private let connections = Mutex(Connections())
    private let tasks = TaskBag()

    init(events: CoordinatorEvents, logger: Logger) {
        self.events = events
        self.logger = logger
    }

    /// Takes a link whose HELLO names its certificate's name.
    ///
    /// - Parameter offerings: what a worker may ask for on a bulk connection.
    func accept(_ link: ControlLink, _ hello: Hello, offerings: Offerings) {
        let name = link.peer.name.name
        let connection = Connection(link: link, name: name, processIdentifier: hello.processIdentifier)
        let number: ConnectionNumber? = connections.withLock { connections in
            guard !connections.isClosed else { return nil }
            connections.count += 1
            let number = ConnectionNumber(connections.count)
            connections.open[number] = connection
            return number
        }
        guard let number else { return link.close() }
        events.post(.core(.helloReceived(number, authenticatedName: name, hello)))
        tasks.add { [self] in
            var reason = "the worker closed it"
            do {
                try await link.run { frames in
                    for try await frame in frames {
                        if frame.header.kind == .want, hello.purpose == .bulk {
                            guard let want = Want(frame) else {
                                throw LinkError.violation("the worker asked for something unreadable")
                            }
                            try await offerings.serve(want, on: link) { [events] in
                                events.post(.core(.streamed(name: name)))
                            }
                        } else if hello.purpose == .bulk {
                            await events.postAndWait(.bulk(number, frame))
                        } else {
                            let message = try frame.message()
                            if case .prepared = message { note(prepared: hello, as: name) }
                            await events.postAndWait(.core(.message(number, message)))
                        }
                    }
                }
            } catch {
                reason = (error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay()
            }
            connections.withLock { _ = $0.open.removeValue(forKey: number) }
            events.post(.core(.closed(number, reason: reason)))
        }
    }

    private func note(prepared hello: Hello, as name: String) {
        connections.withLock { $0.prepared[name] = hello.processIdentifier }
    }

    /// Whether this process of a worker was ready for work.
    func hasPrepared(_ name: String, processIdentifier: Int32) -> Bool {
        connections.withLock { $0.prepared[name] == processIdentifier }
    }

    /// Whether this process of a worker has a connection.
    func isConnected(_ name: String, processIdentifier: Int32) -> Bool {
        connections.withLock { connections in
            connections.open.values.contains { $0.name == name && $0.processIdentifier == processIdentifier }
        }
    }

    /// Says of each open connection with such a certificate that the certificate is accepted no more.
    func lose(_ isDenied: (PeerCertificate) -> Bool) {
        let numbers = connections.withLock { connections in
            connections.open.filter { isDenied($0.value.link.peer) }.keys.sorted()
        }
        for number in numbers { events.post(.core(.revoked(number))) }
    }

    func send(_ message: ControlMessage, on number: ConnectionNumber) {
        guard let link = link(number) else { return }
        do throws(ControlMessageCoding.Fault) {
            try link.post(message)
        } catch {
            logger.error("\(error.description)")
        }
    }

    func refuse(_ number: ConnectionNumber, _ reason: String) { link(number)?.refuse(reason) }

    func close(_ number: ConnectionNumber) { link(number)?.close() }

    /// Closes all connections after what was sent on them, and waits until they are closed.
    func closeAll() async {
        let open = connections.withLock { connections in
            connections.isClosed = true
            return connections.open.values.map(\.link)
        }
        for link in open { link.close() }
        await events.close()
        await tasks.waitForAll()
    }

    private func link(_ number: ConnectionNumber) -> ControlLink? {
        connections.withLock { $0.open[number]?.link }
    }
}
