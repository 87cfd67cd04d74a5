import Glibc
import LockstepCore
import LockstepSnapshots
import LockstepTestSupport

/// A file system in memory that knows what a loss of power would leave, and that fails where it is told to.
// Unchecked: a test makes its own and uses it from one thread.
final class SimulatedFiles: FileLayer, @unchecked Sendable {
    /// What a crash leaves of what was not synchronized.
    enum Persistence: CaseIterable {
        /// Everything arrived.
        case all
        /// Nothing arrived.
        case synchronizedOnly
        /// Names arrived, contents only in some blocks of 512 bytes; the rest reads as zeros.
        case tornContents
        /// Names arrived, contents did not.
        case namesBeforeContents
        /// Contents arrived, names did not.
        case contentsBeforeNames
        /// Each file and each directory one way or the other.
        case mixed
    }

    /// What happens instead of a call.
    enum Fault: Equatable {
        case error(Int32)
        /// A read or write does a part of it; other calls are done.
        case short
    }

    /// The process is dead: every call ends so.
    static let crashed = FileFault(code: ESHUTDOWN, path: "the process has crashed")

    private final class File {
        var bytes: [UInt8] = []
        var synchronized: [UInt8] = []
    }

    private final class Directory {
        var entries: [String: Node] = [:]
        var synchronized: [String: Node] = [:]
    }

    private enum Node {
        case file(File)
        case directory(Directory)
    }

    private struct State {
        var root = Directory()
        var handles: [Int32: File] = [:]
        var nextHandle: Int32 = 3
        var calls = 0
        var crashAt: Int?
        var faults: [Int: Fault] = [:]
        var log: [String] = []
    }

    private var state = State()
    private let lie: Lie?

    /// What the disk only claims to have synchronized; for canaries.
    enum Lie: CaseIterable {
        case files
        case directories
    }

    init(lie: Lie? = nil) { self.lie = lie }

    private init(root: Directory, lie: Lie?) {
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

    /// The file system as it is found after the crash.
    func afterCrash(_ persistence: Persistence, seed: UInt64) -> SimulatedFiles {
        var generator = SeededGenerator(seed: seed)
        var files: [ObjectIdentifier: File] = [:]
        let root = SimulatedFiles.survivor(state.root, persistence, &generator, &files)
        return SimulatedFiles(root: root, lie: lie)
    }

    /// A copy that shares nothing, with everything durable.
    func copy() -> SimulatedFiles { afterCrash(.all, seed: 0) }

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

    private static func survivor(
        _ directory: Directory, _ persistence: Persistence, _ generator: inout SeededGenerator,
        _ files: inout [ObjectIdentifier: File]
    ) -> Directory {
        let takesNames =
            switch persistence {
            case .all, .tornContents, .namesBeforeContents: true
            case .synchronizedOnly, .contentsBeforeNames: false
            case .mixed: Bool.random(using: &generator)
            }
        let result = Directory()
        let entries = takesNames ? directory.entries : directory.synchronized
        for (name, node) in entries.sorted(by: { $0.key < $1.key }) {
            switch node {
            case .directory(let inner):
                result.entries[name] = .directory(survivor(inner, persistence, &generator, &files))
            case .file(let file):
                let copy = files[ObjectIdentifier(file)] ?? File()
                files[ObjectIdentifier(file)] = copy
                copy.bytes = contents(file, persistence, &generator)
                copy.synchronized = copy.bytes
                result.entries[name] = .file(copy)
            }
        }
        result.synchronized = result.entries
        return result
    }

    private static func contents(
        _ file: File, _ persistence: Persistence, _ generator: inout SeededGenerator
    ) -> [UInt8] {
        switch persistence {
        case .all, .contentsBeforeNames: return file.bytes
        case .synchronizedOnly, .namesBeforeContents: return file.synchronized
        case .mixed where Bool.random(using: &generator):
            return Bool.random(using: &generator) ? file.bytes : file.synchronized
        case .tornContents, .mixed:
            guard file.bytes != file.synchronized else { return file.bytes }
            var bytes = file.bytes
            let old = file.synchronized + Array(repeating: 0, count: max(0, bytes.count - file.synchronized.count))
            for start in stride(from: 0, to: bytes.count, by: 512) where Bool.random(using: &generator) {
                let range = start..<min(start + 512, bytes.count)
                bytes.replaceSubrange(range, with: old[range])
            }
            return bytes
        }
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

    private static func find(_ path: String, _ root: Directory) -> Node? {
        var node = Node.directory(root)
        for part in path.split(separator: "/") where part != "." {
            guard case .directory(let directory) = node, let next = directory.entries[String(part)] else { return nil }
            node = next
        }
        return node
    }

    private static func parent(_ path: String, _ root: Directory) -> (Directory, String)? {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard let last = parts.last,
            case .directory(let directory)? = find(parts.dropLast().joined(separator: "/"), root)
        else { return nil }
        return (directory, String(last))
    }

    /// One call: counted, and failed where that is wanted.
    private func call<Value>(
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

    func makeDirectory(_ path: String) throws(FileFault) {
        try call("mkdir", path) { (state, _) throws(FileFault) in
            guard let (parent, name) = SimulatedFiles.parent(path, state.root) else {
                throw FileFault(code: ENOENT, path: path)
            }
            guard parent.entries[name] == nil else { throw FileFault(code: EEXIST, path: path) }
            parent.entries[name] = .directory(Directory())
        }
    }

    func names(in directory: String) throws(FileFault) -> [String] {
        try call("readdir", directory) { (state, _) throws(FileFault) in
            guard case .directory(let found)? = SimulatedFiles.find(directory, state.root) else {
                throw FileFault(code: ENOENT, path: directory)
            }
            return Array(found.entries.keys)
        }
    }

    func createFile(_ path: String) throws(FileFault) -> Int32 {
        try call("create", path) { (state, _) throws(FileFault) in
            guard let (parent, name) = SimulatedFiles.parent(path, state.root) else {
                throw FileFault(code: ENOENT, path: path)
            }
            guard parent.entries[name] == nil else { throw FileFault(code: EEXIST, path: path) }
            let file = File()
            parent.entries[name] = .file(file)
            return SimulatedFiles.open(file, &state)
        }
    }

    func openFile(_ path: String) throws(FileFault) -> Int32 { try open(path) }

    func openForUpdating(_ path: String) throws(FileFault) -> Int32 { try open(path) }

    private func open(_ path: String) throws(FileFault) -> Int32 {
        try call("open", path) { (state, _) throws(FileFault) in
            guard let node = SimulatedFiles.find(path, state.root) else { throw FileFault(code: ENOENT, path: path) }
            guard case .file(let file) = node else { throw FileFault(code: EISDIR, path: path) }
            return SimulatedFiles.open(file, &state)
        }
    }

    private static func open(_ file: File, _ state: inout State) -> Int32 {
        state.nextHandle += 1
        state.handles[state.nextHandle] = file
        return state.nextHandle
    }

    private static func file(_ handle: Int32, _ state: State) throws(FileFault) -> File {
        guard let file = state.handles[handle] else { throw FileFault(code: EBADF, path: "") }
        return file
    }

    func size(of handle: Int32) throws(FileFault) -> Int {
        try call("fstat", "") { (state, _) throws(FileFault) in try SimulatedFiles.file(handle, state).bytes.count }
    }

    func read(_ handle: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileFault) -> Int {
        try call("read", "") { (state, isShort) throws(FileFault) in
            let file = try SimulatedFiles.file(handle, state)
            let available = max(0, min(buffer.count, file.bytes.count - offset))
            let count = isShort && available > 1 ? available / 2 : available
            if count > 0 { buffer.copyBytes(from: file.bytes[offset..<offset + count]) }
            return count
        }
    }

    func write(_ handle: Int32, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Int {
        try call("write", "") { (state, isShort) throws(FileFault) in
            let file = try SimulatedFiles.file(handle, state)
            let count = isShort && bytes.count > 1 ? bytes.count / 2 : bytes.count
            if file.bytes.count < offset + count {
                file.bytes += Array(repeating: 0, count: offset + count - file.bytes.count)
            }
            file.bytes.replaceSubrange(offset..<offset + count, with: bytes[..<count])
            return count
        }
    }

    func truncate(_ handle: Int32, to size: Int) throws(FileFault) {
        try call("truncate", "") { (state, _) throws(FileFault) in
            let file = try SimulatedFiles.file(handle, state)
            file.bytes = file.bytes.prefix(size) + Array(repeating: 0, count: max(0, size - file.bytes.count))
        }
    }

    func synchronize(_ handle: Int32) throws(FileFault) {
        try call("fsync", "") { (state, _) throws(FileFault) in
            let file = try SimulatedFiles.file(handle, state)
            if lie != .files { file.synchronized = file.bytes }
        }
    }

    func close(_ handle: Int32) { state.handles[handle] = nil }

    func synchronizeDirectory(_ path: String) throws(FileFault) {
        try call("fsync directory", path) { (state, _) throws(FileFault) in
            guard case .directory(let directory)? = SimulatedFiles.find(path, state.root) else {
                throw FileFault(code: ENOENT, path: path)
            }
            if lie != .directories { directory.synchronized = directory.entries }
        }
    }

    func rename(_ path: String, to target: String) throws(FileFault) {
        try call("rename", path) { (state, _) throws(FileFault) in
            guard let (from, name) = SimulatedFiles.parent(path, state.root), let node = from.entries[name],
                let (to, newName) = SimulatedFiles.parent(target, state.root)
            else { throw FileFault(code: ENOENT, path: path) }
            if case .directory(let present)? = to.entries[newName], !present.entries.isEmpty {
                throw FileFault(code: ENOTEMPTY, path: target)
            }
            from.entries[name] = nil
            to.entries[newName] = node
        }
    }

    func removeFile(_ path: String) throws(FileFault) {
        try call("unlink", path) { (state, _) throws(FileFault) in
            guard let (parent, name) = SimulatedFiles.parent(path, state.root), let node = parent.entries[name] else {
                throw FileFault(code: ENOENT, path: path)
            }
            guard case .file = node else { throw FileFault(code: EISDIR, path: path) }
            parent.entries[name] = nil
        }
    }

    func removeDirectory(_ path: String) throws(FileFault) {
        try call("rmdir", path) { (state, _) throws(FileFault) in
            guard let (parent, name) = SimulatedFiles.parent(path, state.root),
                case .directory(let directory)? = parent.entries[name]
            else { throw FileFault(code: ENOENT, path: path) }
            guard directory.entries.isEmpty else { throw FileFault(code: ENOTEMPTY, path: path) }
            parent.entries[name] = nil
        }
    }
}
