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
    /// What a worker wants streamed, JSON, on its bulk connection.
    case want = 8
    /// A piece of a data file (`bucket` numbers the files wanted), on a bulk connection.
    case file = 9
    /// A piece of a vector of the state that a run resumes from (`bucket` numbers the vectors), on a bulk connection.
    case state = 10
    /// The finished spans of a step, a line of OTLP JSON, on a bulk connection.
    case spans = 11
}
