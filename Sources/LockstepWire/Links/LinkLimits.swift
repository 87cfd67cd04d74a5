package import NIOCore

/// What a peer may cost before and after it has shown who it is.
package struct LinkLimits: Sendable {
    /// For the handshake.
    package var openingDeadline: TimeAmount = .seconds(5)
    /// For the first frame of a peer whose certificate is good: on a busy machine its loop may wait for a core.
    package var firstFrameDeadline: TimeAmount = .seconds(30)
    /// Bytes of payload before the first frame is accepted.
    package var openingPayload = 4 << 10
    /// Connections of a listener that are not yet accepted; more wait in the kernel's backlog.
    package var openingsInFlight = 256
    /// Bytes of payload in a frame of a control or bulk connection.
    package var payload = 1 << 20
    /// Bytes written to a control or bulk connection that the peer has not yet taken; beyond this it is cut.
    package var outboundBytes = 64 << 20
    /// TLS records sealed or opened under one key of a data link, after which it wants a successor. RFC 8446 §5.5 allows
    /// 2^24.5 full records: another 300 GB, while the successor is dialled.
    package var recordsPerKey = 1 << 22

    package init() {}
}
