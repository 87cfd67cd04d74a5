internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepWire
internal import NIOCore

/// One data link's frames: into the exchange while it is the one of its member that is read, unread otherwise. On the loop
/// of its rail.
final class RailLink: FrameReceiver {
    /// What the other end said, or must have said.
    let greeting: LinkGreeting
    /// In roster order; nil while the link waits for START.
    private(set) var member: Int?
    private(set) var link: DataLinkHandler?
    /// Whether another link has taken its place, so that it may close.
    var isOver = false
    /// Whether it wants a successor.
    var isWorn = false
    private var deadline: Scheduled<Void>?
    private let rail: Rail

    init(rail: Rail, greeting: LinkGreeting) {
        self.rail = rail
        self.greeting = greeting
    }

    func enter(as member: Int) {
        self.member = member
        deadline?.cancel()
        deadline = nil
    }

    func leave() { member = nil }

    /// Closes the link after a while, unless it becomes a member's first.
    func expire(after limit: TimeAmount, on loop: any EventLoop) {
        guard link != nil else { return }
        deadline = loop.assumeIsolated().scheduleTask(in: limit) { [self] in link?.close() }
    }

    func linkOpened(_ link: DataLinkHandler) {
        self.link = link
        rail.opened(self)
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination {
        guard let member, rail.isRead(self, from: member) else { return .hold }
        if header.kind == .share { return try rail.placeOfShare(header, from: member) }
        guard let runner = rail.runner else { return .hold }
        do throws(ExchangeFault) {
            return try runner.willReceive(header, from: member)
        } catch {
            throw LinkError.violation("\(greeting.name) \(error.reason)")
        }
    }

    func didReceive(_ header: FrameHeader) throws {
        guard let member else { return }
        if header.kind == .share { return rail.tookShare(header, from: member) }
        guard let runner = rail.runner else { return }
        do throws(ExchangeFault) {
            try runner.didReceive(header, from: member, sumIsFinite: link?.lastSumIsFinite ?? true)
        } catch {
            throw LinkError.violation("\(greeting.name) \(error.reason)")
        }
    }

    func didSend(_ header: FrameHeader) {
        if member != nil, header.kind != .share { rail.runner?.didSend(header) }
    }

    func linkIsWorn() {
        if member != nil { rail.renew(self) }
    }

    func linkRenewalRequested() {
        if member != nil { rail.renew(self) }
    }

    func linkRetired() { rail.retired(self) }

    func linkClosed(_ error: LinkError) {
        link = nil
        deadline?.cancel()
        deadline = nil
        rail.closed(self, reason: error.reason)
    }
}
