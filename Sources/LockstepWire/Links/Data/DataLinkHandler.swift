package import LockstepCollectives
internal import LockstepCore
package import NIOCore
internal import NIOSSL

/// The frames of a data link: straight out of the read buffer into their place, and out of their place into TLS.
///
/// Reading stops only where the receiver holds a frame, and then nothing that is sent waits for what would be read: so
/// links cannot wait for each other. Writing holds only descriptors while the socket or the window is full: payloads stay
/// where they are. Loop-bound.
package final class DataLinkHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    private enum Reading {
        case header
        case payload(FrameHeader, FramePlace)
        /// The receiver does not want this frame yet.
        case held(FrameHeader)
    }

    /// The name of the worker at the other end.
    package let peer: PeerName
    /// Whether all sums of the frame that `didReceive` tells of are finite; true where it was no sum.
    package private(set) var lastSumIsFinite = true

    private let failures: TLSFailure
    private let lendsMemory: Bool
    private var receiver: (any FrameReceiver)?
    private var context: ChannelHandlerContext?
    private var wear: LinkWear
    private var window: LinkWindow

    private let headerReader = HeaderReader()
    private var reading = Reading.header
    /// What was read behind a held header.
    private var heldBytes: ByteBuffer?
    private var readIsHeld = false
    private var isReading = false
    private var peerHasRetired = false

    private var outgoing = OutgoingFrames()
    private var lentScratch = BorrowedBytes()
    private var lentPayloads = BorrowedBytes()
    private var isFlushing = false
    private var hasRetired = false

    /// - Parameters:
    ///   - place: how the other end is called in errors.
    ///   - lendsMemory: whether bytes that are flushed are read at once, as TLS does; they are copied where not.
    ///   - isLoopback: whether the other end is on this machine.
    ///   - recordsPerKey: sealed or opened TLS records after which the link is worn.
    package init(
        peer: PeerName, place: String, receiver: any FrameReceiver, lendsMemory: Bool, isLoopback: Bool,
        recordsPerKey: Int = LinkLimits().recordsPerKey
    ) {
        self.peer = peer
        self.receiver = receiver
        self.lendsMemory = lendsMemory
        window = LinkWindow(bytes: isLoopback ? LinkWindow.loopbackBytes : LinkWindow.networkBytes)
        wear = LinkWear(recordsPerKey: recordsPerKey)
        failures = TLSFailure(peer: place, authority: [])
    }

    // MARK: Sending

    /// Queues a frame; `flush` sends it. The memory is read when the socket has room: it must stay valid and unchanged
    /// until then, which the protocol guarantees (`Exchange`), or until the link is closed.
    ///
    /// - Parameter header: its length must be that of `payload`.
    package func send(_ header: FrameHeader, payload: UnsafeRawBufferPointer) { enqueue(header, .memory(payload)) }

    /// Queues a frame whose payload the link keeps itself; `flush` sends it.
    package func send(_ header: FrameHeader, bytes: [UInt8]) { enqueue(header, .bytes(bytes)) }

    /// Sends what is queued while the socket has room, the rest as soon as it has. Frames that were queued together
    /// travel together. While this link's frames are being read it waits for the end of what was read.
    package func flush() {
        guard receiver != nil, !isFlushing, !isReading, let context else { return }
        isFlushing = true
        // Flushing can change writability, which comes back here: hence the guard.
        while canSend, context.channel.isWritable { flushNext(context) }
        isFlushing = false
    }

    /// Sends, after all that is queued, that nothing more will come. Nothing may be sent afterwards.
    package func retire() {
        guard receiver != nil, !hasRetired else { return }
        enqueue(FrameHeader(kind: .retire, length: 0), .bytes([]))
        hasRetired = true
        flush()
    }

    /// Asks the other side, which dialled this link, to dial a successor.
    package func requestRenewal() {
        guard receiver != nil, !hasRetired else { return }
        enqueue(FrameHeader(kind: .renew, length: 0), .bytes([]))
        flush()
    }

    /// Asks again about the frame that the receiver held, and reads on.
    package func resume() {
        guard case .held(let header) = reading, let context else { return }
        reading = .header
        var bytes = heldBytes ?? ByteBuffer()
        heldBytes = nil
        isReading = true
        if begin(header, context) { consume(&bytes, context) }
        finishReading(bytes)
        if isHeld { return }
        if readIsHeld {
            readIsHeld = false
            context.read()
        }
    }

    /// Whether a frame is queued whose payload lies in memory that is not the link's.
    package var borrowsMemory: Bool { outgoing.borrowsMemory }

    /// Closes the link. What is queued is dropped.
    package func close() {
        guard let context else { return }
        end(context, .closed("this process closed the link to \(peer.name)"))
    }

    private func enqueue(_ header: FrameHeader, _ source: OutgoingFrames.Source) {
        guard receiver != nil else { return }
        precondition(!hasRetired, "nothing is sent on a retired link")
        outgoing.append(header, source)
    }

    private var canSend: Bool {
        if outgoing.isInsideFrame || window.owesAcknowledgement { return true }
        return !outgoing.isEmpty && (window.isOpen || isHeld)
    }

    /// While this side does not read, it does not hear either what the other one has taken: then nothing may wait for
    /// that, or three links could wait for each other.
    private var isHeld: Bool {
        if case .held = reading { true } else { false }
    }

    private func flushNext(_ context: ChannelHandlerContext) {
        outgoing.takeNext(scratch: LinkScratch.current.memory, window: &window, mayBegin: isHeld) { piece, isScratch in
            wear.sealed(piece.count)
            context.write(Self.wrapOutboundOut(bytes(piece, isScratch, context)), promise: nil)
        }
        context.flush()
        // Whoever hears of one may queue more.
        for header in outgoing.ended { receiver?.didSend(header) }
        tellIfWorn()
    }

    private func bytes(
        _ piece: UnsafeRawBufferPointer, _ isScratch: Bool, _ context: ChannelHandlerContext
    ) -> ByteBuffer {
        guard lendsMemory else { return context.channel.allocator.buffer(bytes: piece) }
        return isScratch ? lentScratch.view(of: piece) : lentPayloads.view(of: piece)
    }

    // MARK: Reading

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        receiver?.linkOpened(self)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.unwrapInboundIn(data)
        wear.opened(buffer.readableBytes)
        if isHeld {
            heldBytes?.writeBuffer(&buffer)
            if heldBytes == nil { heldBytes = buffer }
            return
        }
        isReading = true
        consume(&buffer, context)
        finishReading(buffer)
        tellIfWorn()
    }

    package func read(context: ChannelHandlerContext) {
        if isHeld { readIsHeld = true } else { context.read() }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        flush()
        context.fireChannelWritabilityChanged()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(context, failures.linkError(error, leaf: nil))
    }

    package func channelInactive(context: ChannelHandlerContext) {
        var isInside = headerReader.isInside
        if case .header = reading {} else { isInside = true }
        end(context, .closed("\(failures.peer) closed the connection\(isInside ? " inside a frame" : "")"))
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        end(context, .closed("\(failures.peer) closed the connection"))
        self.context = nil
    }

    private func finishReading(_ rest: ByteBuffer) {
        if isHeld, rest.readableBytes > 0 { heldBytes = rest }
        isReading = false
        flush()
    }

    private func consume(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        while receiver != nil, buffer.readableBytes > 0 {
            switch reading {
            case .held:
                return
            case .header:
                guard let header = readHeader(&buffer, context) else { return }
                guard begin(header, context) else { return }
            case .payload(let header, var place):
                window.took(buffer.readWithUnsafeReadableBytes { place.fill($0) })
                if place.isFilled { complete(header, place, context) } else { reading = .payload(header, place) }
            }
        }
    }

    /// Nil where more bytes are needed, or the link is no more.
    private func readHeader(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) -> FrameHeader? {
        do throws(FrameError) {
            guard let header = try headerReader.read(&buffer) else { return nil }
            guard window.heard(header) else {
                end(context, .violation("\(failures.peer) acknowledged more than was sent to it"))
                return nil
            }
            // An acknowledgement needs none itself, or there would be no end.
            if header.kind != .acknowledgement { window.took(FrameHeader.byteCount) }
            return header.withoutAcknowledgement
        } catch {
            end(context, .violation("\(failures.peer) sent a damaged frame: \(error)"))
            return nil
        }
    }

    /// Carries out what the link itself is told, and asks the receiver where any other frame goes. False when reading
    /// must stop here.
    private func begin(_ header: FrameHeader, _ context: ChannelHandlerContext) -> Bool {
        guard let receiver else { return false }
        do {
            switch header.kind {
            case .acknowledgement, .retire, .renew:
                try obey(header, receiver)
            default:
                try expectNotRetired()
                let destination = try receiver.willReceive(header)
                guard let place = try FramePlace(destination, header, sender: failures.peer) else {
                    reading = .held(header)
                    return false
                }
                if place.isFilled { complete(header, place, context) } else { reading = .payload(header, place) }
            }
            return true
        } catch {
            end(context, violation(error))
            return false
        }
    }

    /// What the other side's link tells this one.
    private func obey(_ header: FrameHeader, _ receiver: any FrameReceiver) throws(LinkError) {
        guard header.length == 0 else {
            throw .violation("\(failures.peer) sent a frame of kind \(header.kind) with a payload")
        }
        try expectNotRetired()
        switch header.kind {
        case .renew:
            receiver.linkRenewalRequested()
        case .retire:
            peerHasRetired = true
            receiver.linkRetired()
        default:
            // What it acknowledges is counted already.
            break
        }
    }

    private func expectNotRetired() throws(LinkError) {
        if peerHasRetired {
            throw .violation("\(failures.peer) sent a frame after it had retired the link")
        }
    }

    private func complete(_ header: FrameHeader, _ place: FramePlace, _ context: ChannelHandlerContext) {
        reading = .header
        lastSumIsFinite = place.isFinite
        guard let receiver else { return }
        do { try receiver.didReceive(header) } catch { end(context, violation(error)) }
    }

    // MARK: Ends

    private func tellIfWorn() {
        if wear.takeNotice() { receiver?.linkIsWorn() }
    }

    private func violation(_ error: any Error) -> LinkError {
        (error as? LinkError) ?? .violation("\(failures.peer): \("\(error)".escapedForDisplay(limit: 300))")
    }

    private func end(_ context: ChannelHandlerContext, _ error: LinkError) {
        guard let receiver else { return }
        self.receiver = nil
        outgoing.removeAll()
        heldBytes = nil
        reading = .header
        receiver.linkClosed(error)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension DataLinkHandler: Sendable {}
