internal import LockstepCore
internal import NIOSSL

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension PeerCertificate {
    /// The identity of a peer whose chain TLS has verified, or why it is not the peer that this side accepts.
    ///
    /// Validity is looked at again: a resumed TLS session does not verify the chain a second time.
    static func judged(
        _ leaf: NIOSSLCertificate?, cluster: String, roles: [PeerRole], now: Date
    ) throws(LinkError) -> PeerCertificate {
        guard let leaf else { throw .refused("it showed no certificate") }
        let peer = try PeerCertificate(leaf)
        guard peer.notAfter >= now else {
            throw .refused("its certificate (\(peer.name)) expired on \(shown(peer.notAfter))")
        }
        guard peer.notBefore <= now else {
            throw .refused("its certificate (\(peer.name)) is not valid before \(shown(peer.notBefore))")
        }
        guard peer.name.cluster == cluster else {
            throw .refused("its certificate is of cluster \(peer.name.cluster), this is cluster \(cluster)")
        }
        guard roles.contains(peer.name.role) else {
            let expected = roles.map(\.rawValue).joined(separator: " or ")
            throw .refused(
                "its certificate (\(peer.name)) has the role \(peer.name.role.rawValue), expected \(expected)")
        }
        return peer
    }
}
