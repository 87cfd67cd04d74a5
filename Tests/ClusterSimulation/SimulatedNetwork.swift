/// One direction of a connection: what is sent on it arrives in order, late, or never.
final class Line {
    private unowned let simulation: ClusterSimulation
    /// Hosts.
    let from: Int
    let to: Int
    private var waiting: [(ready: UInt64, deliver: () -> Void)] = []
    private var first = 0
    private var lastReady: UInt64 = 0
    private var isWaiting = false
    private(set) var isClosed = false

    init(_ simulation: ClusterSimulation, from: Int, to: Int) {
        self.simulation = simulation
        self.from = from
        self.to = to
    }

    var isEmpty: Bool { first == waiting.count }
    /// How many were ever delivered.
    private(set) var delivered = 0

    func send(_ deliver: @escaping () -> Void) {
        guard !isClosed else { return }
        lastReady = max(lastReady, simulation.now + simulation.networkDelay(from, to))
        waiting.append((lastReady, deliver))
        simulation.at(lastReady) { [self] in pump() }
    }

    /// What is on its way is lost.
    func close() {
        isClosed = true
        waiting = []
        first = 0
    }

    private func pump() {
        guard !isWaiting else { return }
        while first < waiting.count, waiting[first].ready <= simulation.now {
            if let until = simulation.blockedUntil(from, to) {
                // Sent again and again until the way is clear.
                isWaiting = true
                simulation.at(until + simulation.networkDelay(from, to)) { [self] in
                    isWaiting = false
                    pump()
                }
                return
            }
            let deliver = waiting[first].deliver
            first += 1
            delivered += 1
            if first > 64, first * 2 > waiting.count {
                waiting.removeFirst(first)
                first = 0
            }
            deliver()
        }
    }
}

/// A connection between two processes. Each end learns of its end by itself.
final class Connection {
    private unowned let simulation: ClusterSimulation
    let toServer: Line
    let toClient: Line
    /// The server, where it is one.
    var coordinator: SimulatedCoordinator?
    private(set) var clientIsOpen = true
    private(set) var serverIsOpen = true
    var clientClosed: (String) -> Void = { _ in }
    var serverClosed: (String) -> Void = { _ in }

    init(_ simulation: ClusterSimulation, client: Int, server: Int) {
        self.simulation = simulation
        toServer = Line(simulation, from: client, to: server)
        toClient = Line(simulation, from: server, to: client)
        simulation.connections.append(self)
    }

    /// The simulation is over: nothing is kept alive by it any more.
    func forget() {
        toServer.close()
        toClient.close()
        clientClosed = { _ in }
        serverClosed = { _ in }
        coordinator = nil
    }

    /// The client closes, or is gone.
    func closeClient(_ reason: String = "end of stream") {
        guard clientIsOpen else { return }
        clientIsOpen = false
        toServer.send { [self] in endServer(reason) }
    }

    func closeServer(_ reason: String = "end of stream") {
        guard serverIsOpen else { return }
        serverIsOpen = false
        toClient.send { [self] in endClient(reason) }
    }

    /// The connection breaks; what is on its way is lost.
    func reset(_ reason: String = "connection reset by peer") {
        toServer.close()
        toClient.close()
        simulation.after(simulation.delay(10_000...5_000_000)) { [self] in endServer(reason) }
        simulation.after(simulation.delay(10_000...5_000_000)) { [self] in endClient(reason) }
    }

    private func endServer(_ reason: String) {
        guard serverIsOpen else { return }
        serverIsOpen = false
        serverClosed(reason)
        // Its socket answers what still comes with an end.
        toClient.send { [self] in endClient(reason) }
    }

    private func endClient(_ reason: String) {
        guard clientIsOpen else { return }
        clientIsOpen = false
        clientClosed(reason)
        toServer.send { [self] in endServer(reason) }
    }
}
