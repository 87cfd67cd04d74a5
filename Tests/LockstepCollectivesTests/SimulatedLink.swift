import LockstepCollectives

/// One direction of a link in a simulation.
final class SimulatedLink {
    struct Frame {
        let header: FrameHeader
        var floats: [Float] = []
        var record: [UInt8] = []
    }

    let from: Int
    let to: Int
    let rail: Int
    /// Frames that wait for room: payloads are still where they were.
    var queue: [(header: FrameHeader, source: Exchange.Source)] = []
    /// Frames on their way: payloads are copied.
    var wire: [Frame] = []
    var isHeld = false
    var isCut = false
    /// Where the payload of the first frame on the wire goes, and how many of its floats are there.
    var destination: Exchange.Destination?
    var copied = 0
    /// A frame that comes again behind so many others.
    var stale: (frame: Frame, behind: Int)?

    init(from: Int, to: Int, rail: Int) {
        self.from = from
        self.to = to
        self.rail = rail
    }
}
