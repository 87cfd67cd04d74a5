internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import NIOCore

/// The data links of a worker. Links that come before START, from a member that heard it first, wait here unread.
// Safe: everything that changes is touched on `loop` only.
final class PeerLinks: @unchecked Sendable {
    /// What links that wait for START may cost.
    struct Limits: Sendable {
        /// So long a link waits, then it is closed.
        var waiting: TimeAmount = .seconds(10)
        /// More than any roster can have are refused.
        var mostWaiting = 4096
    }

    let loop: any EventLoop
    private let identity: WorkerIdentity
    private let limits: Limits
    private let post: @Sendable (WorkerDriver.Event) -> Void
    private var generation: UInt32 = 0
    private var members: [Roster.Member] = []
    private var runner: ExchangeRunner?
    /// Of the links that are open.
    private var receivers: [PeerReceiver] = []
    /// Members whose link was there in this generation. There is no second one.
    private var linked: Set<Int> = []
    private var isClosed = false

    init(
        loop: any EventLoop, identity: WorkerIdentity, limits: Limits = Limits(),
        post: @escaping @Sendable (WorkerDriver.Event) -> Void
    ) {
        self.loop = loop
        self.identity = identity
        self.limits = limits
        self.post = post
    }

    // MARK: From any thread

    /// Begins a generation: links of its members are let in, all others end.
    func begin(_ roster: Roster, exchange: Exchange, memory: ExchangeMemory) {
        loop.execute { [self] in
            end()
            guard !isClosed else { return }
            generation = roster.generation
            members = roster.members
            runner = ExchangeRunner(core: exchange, memory: memory) { [self, post] output in
                switch output {
                case .finished(let turn, let records, let gradientBytes, let lastMember):
                    post(
                        .exchanged(
                            turn, generation: generation, records: records, gradientBytes: gradientBytes,
                            lastMember: lastMember.map { members[$0].name }))
                case .linkLost(let member, let reason):
                    post(
                        .core(
                            .linkLost(peer: members[member].name, generation: generation, reason: reason)))
                }
            }
            for receiver in receivers where receiver.greeting.generation <= generation { judge(receiver) }
        }
    }

    /// Gives a turn, whose own part is complete, to the exchange.
    ///
    /// - Parameter isStopping: in a decision turn whether training stops.
    func run(_ turn: Turn, record: ControlRecord, isStopping: Bool) {
        loop.execute { [self] in runner?.run(turn, record: record, isStopping: isStopping) }
    }

    /// Drops the generation in progress and its links.
    func park() {
        loop.execute { [self] in end() }
    }

    /// Ends all links, also those that wait. None is let in afterwards.
    func close() {
        loop.execute { [self] in
            isClosed = true
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

    /// Judges a worker of the own cluster that wants to link. Its name is that of its certificate.
    func admit(_ greeting: LinkGreeting) throws(LinkError) -> DataLinkAdmission {
        guard !isClosed else { throw .closed("this worker ends") }
        guard greeting.generation >= generation, greeting.generation > 0 else {
            throw .refused("its link is of generation \(greeting.generation), this worker is in \(generation)")
        }
        guard greeting.peerProcess == identity.process else {
            throw .refused("it looks for another process than this \(identity.name)")
        }
        if greeting.generation == generation, runner != nil {
            if let objection = objection(to: greeting) { throw .refused(objection) }
        } else {
            guard receivers.count(where: { $0.member == nil }) < limits.mostWaiting else {
                throw .refused("too many links wait here")
            }
        }
        let answer = LinkGreeting(
            generation: greeting.generation, name: identity.name, process: identity.process,
            peerName: greeting.name, peerProcess: greeting.process)
        return DataLinkAdmission(greeting: answer, receiver: PeerReceiver(links: self, greeting: greeting))
    }

    /// The receiver of a link that this worker dials, and whose other end has greeted as it should.
    func receiver(of member: Roster.Member, generation: UInt32) throws(LinkError) -> any FrameReceiver {
        guard !isClosed else { throw .closed("this worker ends") }
        return PeerReceiver(
            links: self,
            greeting: LinkGreeting(
                generation: generation, name: member.name, process: member.process, peerName: identity.name,
                peerProcess: identity.process))
    }

    fileprivate func opened(_ receiver: PeerReceiver) {
        receivers.append(receiver)
        judge(receiver)
        guard receiver.link != nil, receiver.member == nil else { return }
        // It waits. One link of a process is enough, and the newest is the likeliest to live.
        let greeting = receiver.greeting
        for other in receivers where other !== receiver && other.member == nil {
            if other.greeting.name == greeting.name, other.greeting.process == greeting.process { other.link?.close() }
        }
        receiver.deadline = loop.assumeIsolated().scheduleTask(in: limits.waiting) {
            if receiver.member == nil { receiver.link?.close() }
        }
    }

    fileprivate func closed(_ receiver: PeerReceiver, reason: String) {
        receivers.removeAll { $0 === receiver }
        if let member = receiver.member { runner?.linkClosed(to: member, reason: reason) }
    }

    /// Why a link that greets so has no place in the running generation; nil where it has one.
    private func objection(to greeting: LinkGreeting) -> String? {
        guard let own = members.first(where: { $0.process == identity.process }), greeting.name != own.name,
            let index = members.firstIndex(where: { $0.name == greeting.name })
        else { return "it is no member of generation \(generation)" }
        if let objection = greeting.objection(own: own, peer: members[index], generation: generation) {
            return objection
        }
        return linked.contains(index) ? "its link of generation \(generation) was there already" : nil
    }

    /// Lets a link of the running generation in; one of a later generation goes on waiting.
    private func judge(_ receiver: PeerReceiver) {
        let greeting = receiver.greeting
        guard !isClosed, greeting.generation >= generation else {
            receiver.link?.close()
            return
        }
        guard let runner, greeting.generation == generation, let link = receiver.link, receiver.member == nil else {
            return
        }
        guard objection(to: greeting) == nil, let member = members.firstIndex(where: { $0.name == greeting.name })
        else {
            link.close()
            return
        }
        linked.insert(member)
        receiver.enter(runner, as: member)
        runner.add(link, to: member)
        post(.core(.linked(peer: greeting.name, generation: generation)))
        link.resume()
    }

    /// Links close before the runner goes: what they have queued lies in its memory.
    private func end() {
        for receiver in receivers where receiver.member != nil {
            receiver.leave()
            receiver.link?.close()
        }
        runner = nil
        linked = []
    }
}

/// One data link's frames: into the exchange once the link is a member's, unread before. On the links' loop.
final class PeerReceiver: FrameReceiver {
    /// What the other end said, or must have said.
    let greeting: LinkGreeting
    private(set) var member: Int?
    private(set) var link: DataLinkHandler?
    /// Ends a link that waits in vain.
    fileprivate var deadline: Scheduled<Void>?
    private let links: PeerLinks
    private var runner: ExchangeRunner?

    init(links: PeerLinks, greeting: LinkGreeting) {
        self.links = links
        self.greeting = greeting
    }

    func enter(_ runner: ExchangeRunner, as member: Int) {
        self.runner = runner
        self.member = member
        deadline?.cancel()
        deadline = nil
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
        deadline?.cancel()
        deadline = nil
        links.closed(self, reason: error.reason)
    }
}
