import Glibc
import LockstepCore
import LockstepSnapshots

/// A file system in memory that knows what a loss of power would leave, and that fails where it is told to.
// Unchecked: a test makes its own and uses it from one thread.
final class SimulatedFiles: @unchecked Sendable {
    /// What happens instead of a call.
    enum Fault: Equatable {
        case error(Int32)
        /// A read or write does a part of it; other calls are done.
        case short
    }

    /// The process is dead: every call ends so.
    static let crashed = FileFault(code: ESHUTDOWN, path: "the process has crashed")

    final class File {
        var bytes: [UInt8] = []
        var synchronized: [UInt8] = []
    }

    final class Directory {
        var entries: [String: Node] = [:]
        var synchronized: [String: Node] = [:]
    }

    enum Node {
        case file(File)
        case directory(Directory)
    }

    struct State {
        var root = Directory()
        var handles: [Int32: File] = [:]
        var nextHandle: Int32 = 3
        var calls = 0
        var crashAt: Int?
        var faults: [Int: Fault] = [:]
        var log: [String] = []
    }

    var state = State()
    let lie: Lie?

    /// What the disk only claims to have synchronized; for canaries.
    enum Lie: CaseIterable {
        case files
        case directories
    }

    init(lie: Lie? = nil) { self.lie = lie }

    init(root: Directory, lie: Lie?) {
        self.lie = lie
        state.root = root
    }

    /// Calls so far.
    var calls: Int { state.calls }

    /// The names of the calls so far.
    var log: [String] { state.log }

    var openHandles: Int { state.handles.count }

    /// From the call of that number on, counted from now, nothing happens any more.
    func crash(afterCalls count: Int) { state.crashAt = state.calls + count }

    /// - Parameter call: counted from now.
    func fail(_ fault: Fault, atCall call: Int) {
        state.faults[state.calls + call] = fault
    }

    /// Everything that can be found, to tell states apart.
    var fingerprint: Digest {
        var builder = DigestBuilder()
        SimulatedFiles.describe(state.root, &builder)
        return builder.finalize()
    }

    /// Changes a file behind everybody's back; nil removes it.
    func change(_ path: String, _ change: ([UInt8]) -> [UInt8]?) {
        guard case .file(let file)? = SimulatedFiles.find(path, state.root),
            let (parent, name) = SimulatedFiles.parent(path, state.root)
        else { return }
        if let bytes = change(file.bytes) {
            file.bytes = bytes
            file.synchronized = bytes
        } else {
            parent.entries[name] = nil
            parent.synchronized[name] = nil
        }
    }

    func bytes(of path: String) -> [UInt8]? {
        if case .file(let file)? = SimulatedFiles.find(path, state.root) { file.bytes } else { nil }
    }

    private static func describe(_ directory: Directory, _ builder: inout DigestBuilder) {
        for (name, node) in directory.entries.sorted(by: { $0.key < $1.key }) {
            // Names of temporary directories are random.
            builder.update(name.hasPrefix(".") ? String(name.prefix(14)) : name)
            switch node {
            case .directory(let inner):
                builder.update("{")
                describe(inner, &builder)
                builder.update("}")
            case .file(let file): builder.update(DigestBuilder.digest(of: file.bytes).description)
            }
        }
    }

    static func find(_ path: String, _ root: Directory) -> Node? {
        var node = Node.directory(root)
        for part in path.split(separator: "/") where part != "." {
            guard case .directory(let directory) = node, let next = directory.entries[String(part)] else { return nil }
            node = next
        }
        return node
    }

    static func parent(_ path: String, _ root: Directory) -> (Directory, String)? {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard let last = parts.last,
            case .directory(let directory)? = find(parts.dropLast().joined(separator: "/"), root)
        else { return nil }
        return (directory, String(last))
    }

    /// One call: counted, and failed where that is wanted.
    func call<Value>(
        _ name: String, _ path: String, _ body: (inout State, _ isShort: Bool) throws(FileFault) -> Value
    ) throws(FileFault) -> Value {
        let number = state.calls
        if let crash = state.crashAt, number >= crash { throw SimulatedFiles.crashed }
        state.calls += 1
        state.log.append("\(name) \(path)")
        let fault = state.faults[number]
        if case .error(let code)? = fault { throw FileFault(code: code, path: path) }
        return try body(&state, fault == .short)
    }
}
