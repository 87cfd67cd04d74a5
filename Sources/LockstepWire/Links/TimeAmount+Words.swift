internal import NIOCore

extension TimeAmount {
    /// `5 s`, or `250 ms` where seconds do not come out even.
    var shownInSeconds: String {
        let milliseconds = nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }
}
