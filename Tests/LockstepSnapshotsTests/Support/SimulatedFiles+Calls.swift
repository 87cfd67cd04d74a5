import Glibc
import LockstepSnapshots

extension SimulatedFiles: FileLayer {
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
