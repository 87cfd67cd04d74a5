/// What a frame carries. The first byte that a reader decides by.
package enum FrameKind: UInt8, Sendable, CaseIterable {
    /// A control message, JSON.
    case message = 1
    /// The first frame on a data link, JSON.
    case link = 2
    /// Reduce-scatter: a piece of one root's slice, raw `Float32`.
    case contribution = 3
    /// All-gather: a piece of a summed slice, raw `Float32`.
    case total = 4
    /// A control record.
    case record = 5
    /// A piece of a share of the state, on a bulk connection.
    case share = 6
    /// A line of a worker's log, UTF-8, on a bulk connection.
    case log = 7
}
