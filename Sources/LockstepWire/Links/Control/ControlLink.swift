package import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
package import NIOCore
internal import NIOSSL

/// An open control or bulk connection between two processes that trust each other's certificates.
///
/// Whoever gets one runs it: `run` reads its frames and closes it at the end. One that is dropped closes by itself.
package final class ControlLink: Sendable {
    /// The certificate of the process at the other end.
    package let peer: PeerCertificate
    package let remoteAddress: Endpoint
    /// This side's address: where a worker's data listener binds.
    package let localAddress: Endpoint

    private let channel: NIOAsyncChannel<ControlFrame, Never>

    /// Adds the handlers of an open link to `channel`. On its loop.
    init(
        on channel: any Channel, peer: PeerCertificate, place: String, limits: LinkLimits
    ) throws {
        guard let remote = Endpoint(channel.remoteAddress), let local = Endpoint(channel.localAddress) else {
            throw LinkError.closed("\(place) closed the connection before it was open")
        }
        try channel.pipeline.syncOperations.addHandlers(
            ByteToMessageHandler(
                ControlFrameDecoder(largestPayload: limits.payload),
                maximumBufferSize: FrameHeader.byteCount + limits.payload
            ),
            ControlLinkHandler(place: place, limits: limits)
        )
        self.channel = try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        self.peer = peer
        self.remoteAddress = remote
        self.localAddress = local
    }

    deinit { close() }

    /// Gives `body` the frames that come after HELLO, then closes the connection. Reading pauses while `body` lags.
    ///
    /// The sequence ends when the peer closes in order, and throws `LinkError` otherwise. At most once.
    package func run<Result: Sendable>(
        _ body: @Sendable (NIOAsyncChannelInboundStream<ControlFrame>) async throws -> Result
    ) async throws -> Result {
        try await channel.executeThenClose { frames in try await body(frames) }
    }

    /// Sends `frame`, and returns when the system has taken it: who awaits each send cannot run ahead of the peer.
    ///
    /// - Throws: `LinkError`.
    package func send(_ frame: ControlFrame) async throws {
        do {
            // One that has closed may outlive its event loop.
            guard channel.channel.isActive else { throw ChannelError.alreadyClosed }
            try await channel.channel.writeAndFlush(frame).get()
        } catch let error as LinkError {
            throw error
        } catch {
            throw LinkError.closed("the connection to \(remoteAddress) is closed")
        }
    }

    /// Sends `frame` after all before it, without waiting. A broken connection shows in `run`.
    package func post(_ frame: ControlFrame) {
        if channel.channel.isActive { channel.channel.writeAndFlush(frame, promise: nil) }
    }

    /// Sends `message` after all before it, without waiting.
    package func post(_ message: ControlMessage) throws(ControlMessageCoding.Fault) { post(try ControlFrame(message)) }

    /// Tells the peer that it is refused, and closes: it ends with exit code 4 and does not try again.
    package func refuse(_ reason: String) {
        // A text always encodes; without it the peer would still see the connection closed.
        try? post(.refused(reason: reason))
        close()
    }

    /// Sends what was posted, then closes. Returns at once; `run` ends.
    package func close() {
        if channel.channel.isActive { channel.channel.close(promise: nil) }
    }
}
