import LockstepCollectives

/// One direction of a link between two loops, as a stream of frames.
struct ScalingLink {
    struct Frame {
        let header: FrameHeader
        /// Of a control record.
        let payload: [UInt8]

        var byteCount: Int { FrameHeader.byteCount + Int(header.length) }
    }

    // At the sender.
    var queued = Fifo<Frame>()
    /// Bytes of the first queued frame that are flushed already.
    var flushedOfFirst = 0
    /// Bytes that are flushed and have not left the sender's interface.
    var unsent = 0
    var isFlushing = false

    // At the receiver.
    /// Frames that are flushed and not yet received, as far as they have come.
    var onTheWay = Fifo<Frame>()
    /// Bytes that have come and are not yet read.
    var arrived = 0
    /// Bytes of the first frame on the way that are read already.
    var readOfFirst = 0
    var isReading = false
    /// Whether the receiver has put off the first frame.
    var isHeld = false
}
