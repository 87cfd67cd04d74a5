package import NIOCore

/// What a peer may cost before and after it has shown who it is.
package struct LinkLimits: Sendable {
    /// For the handshake and the first frame together.
    package var openingDeadline: TimeAmount = .seconds(5)
    /// Bytes of payload before the first frame is accepted.
    package var openingPayload = 4 << 10
    /// Connections of a listener that are not yet accepted; more wait in the kernel's backlog.
    package var openingsInFlight = 256
    /// Bytes of payload in a frame of a control or bulk connection.
    package var payload = 1 << 20
    /// Bytes written to a control or bulk connection that the peer has not yet taken; beyond this it is cut.
    package var outboundBytes = 64 << 20

    package init() {}
}
