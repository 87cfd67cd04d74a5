internal import LockstepCore

/// A mistake in a job file: what is wrong, under which key, at which place.
struct JobFileError: Error {
    var place: JobNode.Place
    /// The keys on the way, joined by dots.
    var path: String
    var message: String

    init(_ place: JobNode.Place, _ path: String, _ message: String) {
        self.place = place
        self.path = path
        self.message = message
    }

    /// The one line a user sees. A program has no lines that could be named.
    func commandError(fileName: String, isProgram: Bool) -> CommandError {
        let shownPath = path.isEmpty ? "" : "\(path.escapedForDisplay()): "
        switch place {
        case .file where isProgram:
            return .usage("\(fileName.escapedForDisplay()): \(shownPath)\(message)")
        case .file(let line, let column):
            return .usage("\(fileName.escapedForDisplay()):\(line):\(column): \(shownPath)\(message)")
        case .override(let text):
            return .usage("--set \(text.escapedForDisplay()): \(shownPath)\(message)")
        }
    }
}
