internal import LockstepWire

/// The links to one member on one rail: one, and for a moment two, when a new one takes the place of the old.
///
/// The new link is dialled while the old one goes on. When it is open, the side that dialled it sends its last frame on the
/// old one (`retire`) and everything else on the new one. The other side does the same when it has read that `retire`, and
/// from then on reads the new link; the dialler does when it has read the other's. So frames keep their order, nobody waits
/// for a handshake, and the second `retire` says that the other side has read all: only then the dialler closes the old
/// link, and nothing on it is lost. On the rail's loop.
final class MemberLinks {
    /// Where frames come from. Read until the other side retires it.
    private(set) var current: RailLink
    /// Open, but not read yet.
    private(set) var successor: RailLink?
    /// Whether a new link was asked for or is being dialled.
    private(set) var isRenewing = false
    /// The number of the newest link: 0 for the first one.
    private(set) var renewal = 0
    /// Whether this side dials.
    private let dials: Bool

    init(_ link: RailLink, dials: Bool) {
        current = link
        self.dials = dials
    }

    /// Where frames go.
    var sending: DataLinkHandler? { (dials ? successor ?? current : current).link }

    /// - Returns: whether there was none already.
    func beginRenewal() -> Bool {
        guard !isRenewing else { return false }
        isRenewing = true
        return true
    }

    /// Whether a new link with this number may come from the other side.
    func admits(renewal: Int) -> Bool { successor == nil && renewal == self.renewal + 1 }

    /// A new link is open.
    func add(_ link: RailLink) {
        renewal += 1
        isRenewing = true
        successor = link
        if dials { current.link?.retire() }
    }

    /// The other side has sent its last frame on a link.
    ///
    /// - Returns: the link that it was, which only the dialler may close; nil where that cannot be, for both have seen the
    ///   successor open before.
    func retired(_ link: RailLink) -> RailLink? {
        guard link === current, let successor else { return nil }
        link.isOver = true
        current = successor
        self.successor = nil
        isRenewing = false
        if dials { link.link?.close() } else { link.link?.retire() }
        successor.link?.resume()
        return link
    }

    /// Asks again about a frame that was put off.
    func resume() { current.link?.resume() }

    /// Whether gradients are queued on them.
    var areBusy: Bool { [current, successor].contains { $0?.link?.borrowsMemory == true } }

    /// Closes all.
    func close() {
        successor?.link?.close()
        current.link?.close()
    }
}
