internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import NIOCore

/// The data links of a worker. Links that come before START, from a member that heard it first, wait here unread.
// Safe: everything that changes is touched on `loop` only.
final class PeerLinks: @unchecked Sendable {
    let loop: any EventLoop
    private let identity: WorkerIdentity
    private let post: @Sendable (WorkerDriver.Event) -> Void
    private var generation: UInt32 = 0
    private var members: [Roster.Member] = []
    private var runner: ExchangeRunner?
    private var receivers: [PeerReceiver] = []

    /// More links than any roster can have are refused before START.
    private static let mostWaiting = 4096

    init(loop: any EventLoop, identity: WorkerIdentity, post: @escaping @Sendable (WorkerDriver.Event) -> Void) {
        self.loop = loop
        self.identity = identity
        self.post = post
    }

    // MARK: From any thread

    /// Begins a generation: links of its members are let in, all others end.
    func begin(_ roster: Roster, exchange: Exchange, memory: ExchangeMemory) {
        loop.execute { [self] in
            end()
            generation = roster.generation
            members = roster.members
            runner = ExchangeRunner(core: exchange, memory: memory) { [self, post] output in
                switch output {
                case .finished(let turn, let records, let gradientBytes):
                    post(.exchanged(turn, records: records, gradientBytes: gradientBytes))
                case .linkLost(let member, let reason):
                    post(
                        .core(
                            .linkLost(peer: members[member].name, generation: generation, reason: reason)))
                }
            }
            for receiver in receivers where receiver.generation <= generation { judge(receiver) }
        }
    }

    /// Gives a turn, whose own part is complete, to the exchange.
    func run(_ turn: Turn, record: ControlRecord) {
        loop.execute { [self] in runner?.run(turn, record: record) }
    }

    /// Drops the generation in progress and its links.
    func park() {
        loop.execute { [self] in end() }
    }

    /// Ends all links, also those that wait.
    func close() {
        loop.execute { [self] in
            end()
            for receiver in receivers { receiver.link?.close() }
        }
    }

    /// The members that the turn in progress waits for.
    func waitingFor() async -> [String] {
        let names = try? await loop.submit { [self] in
            (runner?.waitingFor ?? []).map { members[$0].name }
        }.get()
        return names ?? []
    }

    // MARK: On the loop

    /// Judges a worker of the own cluster that wants to link.
    func admit(_ greeting: LinkGreeting) throws(LinkError) -> DataLinkAdmission {
        guard greeting.generation >= generation, greeting.generation > 0 else {
            throw .refused("its link is of generation \(greeting.generation), this worker is in \(generation)")
        }
        guard greeting.peerProcess == identity.process else {
            throw .refused("it looks for another process than this \(identity.name)")
        }
        if greeting.generation == generation, runner != nil, member(of: greeting) == nil {
            throw .refused("it is no member of generation \(generation)")
        }
        guard receivers.count < PeerLinks.mostWaiting else { throw .refused("too many links wait here") }
        let receiver = PeerReceiver(
            links: self, name: greeting.name, process: greeting.process, generation: greeting.generation)
        receivers.append(receiver)
        let answer = LinkGreeting(
            generation: greeting.generation, name: identity.name, process: identity.process,
            peerName: greeting.name, peerProcess: greeting.process)
        return DataLinkAdmission(greeting: answer, receiver: receiver)
    }

    /// The receiver of a link that this worker dials.
    func receiver(of member: Roster.Member, generation: UInt32) -> any FrameReceiver {
        let receiver = PeerReceiver(
            links: self, name: member.name, process: member.process, generation: generation)
        receivers.append(receiver)
        return receiver
    }

    fileprivate func opened(_ receiver: PeerReceiver) { judge(receiver) }

    fileprivate func closed(_ receiver: PeerReceiver, reason: String) {
        receivers.removeAll { $0 === receiver }
        if let member = receiver.member { runner?.linkClosed(to: member, reason: reason) }
    }

    private func member(of greeting: LinkGreeting) -> Int? {
        members.firstIndex { $0.name == greeting.name && $0.process == greeting.process }
    }

    /// Lets a link of the running generation in; one of a later generation goes on waiting.
    private func judge(_ receiver: PeerReceiver) {
        guard let runner, receiver.generation == generation else {
            if receiver.generation < generation { receiver.link?.close() }
            return
        }
        guard let link = receiver.link, receiver.member == nil else { return }
        let member = members.firstIndex { $0.name == receiver.name && $0.process == receiver.process }
        guard let member, !receivers.contains(where: { $0.member == member }) else {
            link.close()
            return
        }
        receiver.enter(runner, as: member)
        runner.add(link, to: member)
        post(.core(.linked(peer: receiver.name, generation: generation)))
        link.resume()
    }

    /// Links close before the runner goes: what they have queued lies in its memory.
    private func end() {
        for receiver in receivers where receiver.member != nil {
            receiver.leave()
            receiver.link?.close()
        }
        runner = nil
    }
}

/// One data link's frames: into the exchange once the link is a member's, unread before. On the links' loop.
final class PeerReceiver: FrameReceiver {
    let name: String
    let process: ProcessNumber
    let generation: UInt32
    private(set) var member: Int?
    private(set) var link: DataLinkHandler?
    private let links: PeerLinks
    private var runner: ExchangeRunner?

    init(links: PeerLinks, name: String, process: ProcessNumber, generation: UInt32) {
        self.links = links
        self.name = name
        self.process = process
        self.generation = generation
    }

    func enter(_ runner: ExchangeRunner, as member: Int) {
        self.runner = runner
        self.member = member
    }

    func leave() {
        runner = nil
        member = nil
    }

    func linkOpened(_ link: DataLinkHandler) {
        self.link = link
        links.opened(self)
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination {
        guard let runner, let member else { return .hold }
        return .memory(try runner.willReceive(header, from: member))
    }

    func didReceive(_ header: FrameHeader) throws {
        guard let runner, let member else { return }
        try runner.didReceive(header, from: member)
    }

    func linkClosed(_ error: LinkError) {
        link = nil
        links.closed(self, reason: error.reason)
    }
}
