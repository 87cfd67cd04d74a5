internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepWire
internal import NIOCore

/// The data links with one number, one to each member, and the exchange that goes over them, on an event loop of their own.
/// Links that come before START, from a member that heard it first or that dialled ahead, wait here unread; so do those that
/// this worker has dialled ahead.
// Safe: everything that changes is touched on `loop` only.
final class Rail: @unchecked Sendable {
    /// What links that wait for START may cost.
    struct Limits: Sendable {
        /// So long a link waits, then it is closed.
        var waiting: TimeAmount = .seconds(60)
        /// More than any roster can have are refused.
        var mostWaiting = 4096
    }

    /// What leaves the loop beside the end of a turn. Members are places in the roster of that generation.
    enum Event: Sendable {
        case linked(member: Int, generation: UInt32)
        case lost(member: Int, generation: UInt32, reason: String)
        /// The link to a member that this worker dials wants a successor with this number.
        case renew(member: Int, roster: Roster, renewal: Int)
        /// All shares of the state are there.
        case staged(StagedState, generation: UInt32)
    }

    let number: Int
    let loop: any EventLoop
    private let identity: WorkerIdentity
    private let entrance: FeedEntrance?
    let limits: Limits
    let post: @Sendable (Event) -> Void
    /// Made when it is first wanted.
    private var waker: LoopWaker?
    private(set) var roster: Roster?
    private(set) var own = 0
    /// For each member its links in the running generation, while it is linked.
    private(set) var links: [MemberLinks?] = []
    /// Members whose link was there in this generation. There is no second one but a successor.
    private var linked: Set<Int> = []
    /// Of the exchange in hand; nil between generations.
    private(set) var runner: ExchangeRunner?
    /// Of a worker that lacks the state of the generation, once it asks for it.
    var levelling: Levelling?
    /// Kept as long as pieces of it may be on their way.
    var served: FlatState?
    /// Of the links that are open.
    private var receivers: [RailLink] = []
    private var isClosed = false

    /// - Parameters:
    ///   - entrance: lets links of feeds in; nil where there are none.
    ///   - post: called on the loop.
    init(
        number: Int, loop: any EventLoop, identity: WorkerIdentity, limits: Limits = Limits(),
        entrance: FeedEntrance? = nil,
        post: @escaping @Sendable (Event) -> Void
    ) {
        self.number = number
        self.loop = loop
        self.identity = identity
        self.entrance = entrance
        self.limits = limits
        self.post = post
    }

    var generation: UInt32 { roster?.generation ?? 0 }
    var members: [Roster.Member] { roster?.members ?? [] }

    // MARK: The driver's calls, on the loop

    /// Begins a generation: links of its members are let in, all others end.
    ///
    /// - Parameter own: the own place in the roster.
    func begin(_ roster: Roster, own: Int) {
        end()
        guard !isClosed else { return }
        self.roster = roster
        self.own = own
        links = Array(repeating: nil, count: roster.members.count)
        for receiver in receivers where receiver.greeting.generation <= roster.generation { judge(receiver) }
    }

    /// Gives the links of the generation to an exchange.
    func run(_ runner: ExchangeRunner) {
        guard roster != nil else { return }
        // What another exchange has queued lies in its memory. All have what it sent, or no other would be due.
        for member in links.indices where links[member]?.areBusy == true {
            lose(member, reason: "an exchange was to begin before another was over")
        }
        self.runner = runner
        for (member, links) in links.enumerated() {
            guard let links else { continue }
            runner.add(links, of: member)
        }
        resumeReading()
    }

    /// Asks again about frames that wait.
    func resumeReading() { for links in links { links?.resume() } }

    /// Keeps the loop from sleeping for a while.
    func stayAwake(atMost limit: TimeAmount) {
        guard !isClosed else { return }
        let waker = waker ?? LoopWaker(loop: loop)
        self.waker = waker
        waker.start(atMost: limit)
    }

    func maySleep() { waker?.stop() }

    /// Drops the generation in progress and its links; that generation's later links are refused.
    func park() { end() }

    /// Ends all links, also those that wait and those of feeds. None is let in afterwards.
    func close() {
        isClosed = true
        end()
        for receiver in receivers { receiver.link?.close() }
        entrance?.close()
        waker = nil
    }

    #if LOCKSTEP_FAILPOINTS
    /// Cuts the links, as a network does.
    func dropLinks() {
        for receiver in receivers where receiver.member != nil { receiver.link?.close() }
    }
    #endif

    /// The names of the members that the turn in progress waits for.
    var waitingFor: [String] { (runner?.waitingFor ?? []).map { members[$0].name } }

    /// Links close before the runner goes: what they have queued lies in its memory.
    private func end() {
        for receiver in receivers where receiver.member != nil {
            receiver.leave()
            receiver.link?.close()
        }
        links = []
        linked = []
        runner = nil
        levelling = nil
        served = nil
    }

    // MARK: Links

    /// Judges a worker of the own cluster that wants to link. Its name is that of its certificate.
    func admit(_ greeting: LinkGreeting) throws(LinkError) -> DataLinkAdmission {
        guard !isClosed else { throw .closed("this worker ends") }
        guard greeting.isOfNoRoster || greeting.generation >= generation && greeting.generation > 0 else {
            throw .refused("its link is of generation \(greeting.generation), this worker is in \(generation)")
        }
        guard greeting.peerProcess == identity.process else {
            throw .refused("it looks for another process than this \(identity.name)")
        }
        guard greeting.rail == number else {
            throw .refused("it looks for rail \(greeting.rail), this is rail \(number)")
        }
        guard !greeting.isOfNoRoster else {
            let answer = answer(to: greeting)
            guard greeting.isFeed else { return DataLinkAdmission(greeting: answer, receiver: nil) }
            guard let entrance else { throw .refused("it is fed on another rail") }
            return DataLinkAdmission(greeting: answer, receiver: try entrance.admit(greeting, on: loop))
        }
        if greeting.generation == generation {
            if links.isEmpty { throw .refused("generation \(generation) is over") }
            if let objection = objection(to: greeting) { throw .refused(objection) }
        } else {
            guard receivers.count(where: { $0.member == nil }) < limits.mostWaiting else {
                throw .refused("too many links wait here")
            }
        }
        return DataLinkAdmission(greeting: answer(to: greeting), receiver: RailLink(rail: self, greeting: greeting))
    }

    private func answer(to greeting: LinkGreeting) -> LinkGreeting {
        LinkGreeting(
            generation: greeting.generation, name: identity.name, process: identity.process, peerName: greeting.name,
            peerProcess: greeting.process, rail: number, renewal: greeting.renewal, isProbe: greeting.isProbe,
            isFeed: greeting.isFeed)
    }

    /// The receiver of a link that this worker dials, and whose other end has greeted as it should.
    func receiver(
        of member: WorkerAddress, generation: UInt32, renewal: Int
    ) throws(LinkError) -> any FrameReceiver {
        guard !isClosed else { throw .closed("this worker ends") }
        return RailLink(
            rail: self,
            greeting: LinkGreeting(
                generation: generation, name: member.name, process: member.process, peerName: identity.name,
                peerProcess: identity.process, rail: number, renewal: renewal))
    }

    func opened(_ receiver: RailLink) {
        receivers.append(receiver)
        judge(receiver)
        guard receiver.link != nil, receiver.member == nil else { return }
        // It waits. One link of a worker is enough, and the newest is the likeliest to live, but for one that was dialled for a
        // generation that never began.
        for other in receivers where other !== receiver && other.member == nil {
            guard other.greeting.name == receiver.greeting.name else { continue }
            if other.greeting.process == receiver.greeting.process,
                other.greeting.generation > receiver.greeting.generation
            {
                receiver.link?.close()
                return
            }
            other.link?.close()
        }
        receiver.expire(after: limits.waiting, on: loop)
    }

    func closed(_ receiver: RailLink, reason: String) {
        receivers.removeAll { $0 === receiver }
        guard let member = receiver.member, !receiver.isOver else { return }
        lose(member, reason: reason)
    }

    /// Whether frames are taken from a link of a member now.
    func isRead(_ receiver: RailLink, from member: Int) -> Bool { links[member]?.current === receiver }

    /// Why a link that greets so has no place in the running generation; nil where it has one.
    private func objection(to greeting: LinkGreeting) -> String? {
        guard members.indices.contains(own), members[own].process == identity.process,
            let member = members.firstIndex(where: { $0.name == greeting.name }), member != own
        else { return "it is no member of generation \(generation)" }
        if let objection = greeting.objection(
            own: members[own].address, peer: members[member].address, generation: generation)
        {
            return objection
        }
        guard greeting.renewal > 0 else {
            return linked.contains(member) ? "its link of generation \(generation) was there already" : nil
        }
        guard let links = links[member], links.admits(renewal: greeting.renewal) else {
            return "its link of generation \(generation) has no successor \(greeting.renewal) now"
        }
        return nil
    }

    /// Whether the link to a member was made, ahead of the generation or in it. It may be lost since, which is said elsewhere.
    func isMade(linkTo member: Int, generation: UInt32) -> Bool {
        self.generation == generation && linked.contains(member)
    }

    /// Lets a link of the running generation in; one of a later generation goes on waiting.
    private func judge(_ receiver: RailLink) {
        let greeting = receiver.greeting
        guard !isClosed, greeting.generation >= generation else {
            receiver.link?.close()
            return
        }
        guard greeting.generation == generation, let link = receiver.link, receiver.member == nil else { return }
        guard !links.isEmpty, objection(to: greeting) == nil,
            let member = members.firstIndex(where: { $0.name == greeting.name })
        else {
            link.close()
            return
        }
        receiver.enter(as: member)
        if let links = links[member] {
            links.add(receiver)
            return renewIfWorn(member)
        }
        let links = MemberLinks(receiver, dials: member < own)
        self.links[member] = links
        linked.insert(member)
        runner?.add(links, of: member)
        post(.linked(member: member, generation: generation))
        link.resume()
    }

    func lose(_ member: Int, reason: String) {
        guard let links = links[member] else { return }
        let due = runner?.due(from: member).map { "\(reason); \($0)" } ?? reason
        self.links[member] = nil
        runner?.remove(member)
        links.close()
        post(.lost(member: member, generation: generation, reason: due))
    }
}

extension LinkGreeting {
    /// Whether it may come whatever generation the rail is in.
    fileprivate var isOfNoRoster: Bool { isProbe || isFeed }
}
