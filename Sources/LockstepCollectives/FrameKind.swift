/// What a frame carries. The first byte that a reader decides by.
package enum FrameKind: UInt8, Sendable, CaseIterable {
    /// A control message, JSON.
    case message = 1
    /// The first frame on a data link, JSON.
    case link = 2
    /// A chunk of one root of the sender, raw `Float32`: of the receiver's slice, or in one hop of the whole piece of the bucket.
    case contribution = 3
    /// A chunk of the sender's summed slice, raw `Float32`.
    case total = 4
    /// A control record.
    case record = 5
    /// A piece of a share of the state, on a bulk connection, or on rail 0 to a member that lacks it.
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
    /// The last frame of its sender on a data link that another one takes the place of. No payload.
    case retire = 12
    /// The side that accepted a data link asks the other one to dial a new one in its place. No payload.
    case renew = 13
    /// Only acknowledges, where no other frame goes back on a data link. No payload.
    case acknowledgement = 14
    /// What a member tells its observer, on a feed link.
    case feed = 15
}
