internal import LockstepCore

/// A `denied.jsonl` that is read again whenever it has changed. What it says is judged elsewhere.
package struct DenyListFile: Sendable {
    package enum Change: Sendable, Equatable {
        /// It was read.
        case read(DenyList, damaged: [DenyList.DamagedLine])
        case missing
        /// - reason: a sentence that names the file.
        case unreadable(String)
    }

    package let path: String
    private var last: Sight?

    /// What was found at the path.
    private enum Sight: Sendable, Equatable {
        case missing
        case file(PrivateFiles.Mark)
        case unreadable(String)
    }

    package init(path: String) { self.path = path }

    /// Where a coordinator looks for its list if it is not told.
    package static func path(inIdentity directory: String) -> String { directory + "/denied.jsonl" }

    /// The path as it is shown.
    package var shown: String { PrivateFiles.shown(path) }

    /// What has changed since the last call; nil where nothing has. Reads the file, which may block.
    package mutating func change() -> Change? {
        // Looked at before it is read: what changes meanwhile is found by the next call.
        guard let mark = PrivateFiles.mark(of: path) else {
            return note(PrivateFiles.exists(path) ? .unreadable("\(shown) cannot be looked at") : .missing, nil)
        }
        if last == .file(mark) { return nil }
        do throws(CommandError) {
            let (list, damaged) = DenyList.read(try PrivateFiles.readBytes(path))
            return note(.file(mark), .read(list, damaged: damaged))
        } catch {
            return note(.unreadable(error.message), nil)
        }
    }

    private mutating func note(_ sight: Sight, _ change: Change?) -> Change? {
        guard sight != last else { return nil }
        last = sight
        switch sight {
        case .missing: return .missing
        case .unreadable(let reason): return .unreadable(reason)
        case .file: return change
        }
    }
}
