internal import LockstepCollectives

/// Bounds what is on its way on a link: while the other side has not taken so much, no further frame is begun. Less on
/// its way means that more of it is still in the caches of both sides when it is read.
///
/// Both sides count the bytes of frames, headers with their payloads. What was taken is told in the header of the next
/// frame that goes back, or in a frame of its own, in units of `unit`; the rest counts next time. Who has retired the link says
/// nothing more on it, so that nothing is lost when the other side closes it; nobody waits for that either.
struct LinkWindow {
    /// Best between processes of one machine, by measurement.
    static let loopbackBytes = 1 << 20
    /// Enough for 10 Gbit/s at 6 ms, 100 Gbit/s at 0.6 ms.
    static let networkBytes = 8 << 20

    private static let unit = 1 << 10
    /// What was taken is told at the latest after this much.
    private static let mostUnsaid = 256 << 10

    private let bytes: Int
    private var onTheWay = 0
    private var unsaid = 0
    private var hasRetired = false
    private var peerHasRetired = false

    init(bytes: Int) { self.bytes = bytes }

    /// Whether a frame may be begun.
    var isOpen: Bool { onTheWay < bytes || peerHasRetired }

    /// Whether the other side should hear soon what was taken here.
    var owesAcknowledgement: Bool { unsaid >= LinkWindow.mostUnsaid && !hasRetired }

    /// A frame was begun.
    mutating func sent(_ header: FrameHeader) {
        onTheWay += FrameHeader.byteCount + Int(header.length)
        if header.kind == .retire { hasRetired = true }
    }

    /// A header came. False where it acknowledges more than was sent.
    mutating func heard(_ header: FrameHeader) -> Bool {
        onTheWay -= Int(header.acknowledged) * LinkWindow.unit
        if header.kind == .retire { peerHasRetired = true }
        return onTheWay >= 0
    }

    /// Bytes of frames have come, and have left the read buffer.
    mutating func took(_ bytes: Int) { unsaid += bytes }

    /// What the next header says was taken.
    mutating func acknowledge() -> UInt16 {
        let units = min(unsaid / LinkWindow.unit, Int(UInt16.max))
        unsaid -= units * LinkWindow.unit
        return UInt16(units)
    }
}
