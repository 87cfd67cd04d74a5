/// Judges by what is seen every two seconds whether the other end's system is gone.
package struct LinkSilence {
    /// Milliseconds without an answer; a second look two seconds later confirms it. The system of a peer that does not read
    /// is asked less and less often whether there is room, and answers: only the moment of a question looks like silence.
    private static let limit = 8000

    private var isSuspected = false

    package init() {}

    /// - Parameter unanswered: as `ls_system_unanswered` says.
    package mutating func isGone(unanswered: Int) -> Bool {
        let isSilent = unanswered >= LinkSilence.limit
        defer { isSuspected = isSilent }
        return isSilent && isSuspected
    }
}
