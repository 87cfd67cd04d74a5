internal import LockstepCore
internal import NIOCore
internal import Synchronization

/// The certificates that a process accepts no more, and its live connections: those of a certificate that comes to be
/// denied are cut at once. Shared by all listeners and diallers of a process (`TLSContexts`).
package final class Revocations: Sendable {
    private struct Connection {
        let peer: PeerCertificate
        let channel: any Channel
    }

    private struct State {
        var list = DenyList()
        // Cut in any order.
        var live: [ObjectIdentifier: Connection] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var list: DenyList { state.withLock { $0.list } }

    /// Denies what `list` denies, and nothing else. Cuts the live connections of those; who is at the other end of a
    /// control or bulk connection is told, and does not try again.
    package func replace(_ list: DenyList) {
        let cut = state.withLock { state in
            state.list = list
            return state.live.values.filter { list.denies($0.peer) }
        }
        // A channel that has closed may outlive its event loop.
        for connection in cut where connection.channel.isActive {
            connection.channel.pipeline.fireErrorCaught(RevokedCertificate(name: connection.peer.name))
        }
    }

    /// Lets a connection in whose chain and name are good, and watches it until it closes.
    ///
    /// - Throws: `LinkError.refused` where the certificate is denied.
    func admit(_ peer: PeerCertificate, on channel: any Channel) throws(LinkError) {
        let key = ObjectIdentifier(channel)
        // In one go with the question: no change of the list can fall between.
        let isDenied = state.withLock { state in
            if state.list.denies(peer) { return true }
            state.live[key] = Connection(peer: peer, channel: channel)
            return false
        }
        if isDenied { throw .refused(RevokedCertificate(name: peer.name).words) }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.live[key] = nil } }
    }
}

/// The certificate of a live connection's peer is accepted no more: said to the connection's handlers.
struct RevokedCertificate: Error {
    let name: PeerName

    /// Fit for both ends.
    var words: String { "the certificate of \(name) was revoked" }
}
