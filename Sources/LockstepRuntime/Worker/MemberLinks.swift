internal import LockstepWire

/// The links to one member on one rail: one, and for a moment two, when a new one takes the place of the old.
///
/// The new link is dialled while the old one goes on. When it is open, this side sends its last frame on the old one
/// (`retire`) and everything else on the new one; what comes on the new one is read only when the other side's last frame
/// has come on the old one. So frames keep their order, and nobody waits for a handshake. Each side does this when *it* sees
/// the new link open, and a link that both have retired closes by itself. On the rail's loop.
final class MemberLinks {
    /// Where frames come from. Read until the other side retires it.
    private(set) var current: RailLink
    /// Open, but not read yet.
    private(set) var successor: RailLink?
    /// Whether a new link was asked for or is being dialled.
    private(set) var isRenewing = false
    /// The number of the newest link: 0 for the first one.
    private(set) var renewal = 0
    /// Whether the other side has retired `current`, and `successor` is not open here yet.
    private var isRetired = false

    init(_ link: RailLink) { current = link }

    /// Where frames go.
    var sending: DataLinkHandler? { (successor ?? current).link }

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
        let old = current
        renewal += 1
        isRenewing = true
        successor = link
        // Before the last frame goes out: the old link may close with it.
        if isRetired { read() }
        old.link?.retire()
    }

    /// The other side has sent its last frame on a link.
    ///
    /// - Returns: false where that cannot be.
    func retired(_ link: RailLink) -> Bool {
        guard link === current, !isRetired, isRenewing else { return false }
        isRetired = true
        if successor != nil { read() }
        return true
    }

    /// Asks again about a frame that was put off.
    func resume() { current.link?.resume() }

    /// Closes all.
    func close() {
        successor?.link?.close()
        current.link?.close()
    }

    private func read() {
        guard let link = successor else { return }
        current.isOver = true
        current = link
        successor = nil
        isRetired = false
        isRenewing = false
        link.link?.resume()
    }
}
