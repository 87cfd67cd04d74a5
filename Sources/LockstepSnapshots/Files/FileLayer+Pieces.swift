#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Whole operations out of single calls: interrupted calls are repeated, short ones continued, faults name the path.
extension FileLayer {
    /// Creates a directory and makes its name durable; one that exists is fine.
    func makeDirectoryDurably(_ path: String) throws(FileFault) {
        do {
            try makeDirectory(path)
        } catch {
            guard error.code == EEXIST else { throw error }
            return
        }
        try synchronizeDirectory(parent(of: path))
    }

    /// The directory in which `path` lies.
    func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Creates a file that does not exist yet, lets `body` write it piece by piece, and makes its contents durable.
    func create(
        _ path: String, _ body: ((UnsafeRawBufferPointer) throws(FileFault) -> Void) throws(FileFault) -> Void
    ) throws(FileFault) {
        let handle = try retrying { () throws(FileFault) in try createFile(path) }
        defer { close(handle) }
        var offset = 0
        try body { (bytes) throws(FileFault) in
            try writeAll(bytes, to: handle, at: offset, path)
            offset += bytes.count
        }
        do {
            try synchronize(handle)
        } catch {
            throw FileFault(code: error.code, path: path)
        }
    }

    func writeAll(_ bytes: UnsafeRawBufferPointer, to handle: Int32, at offset: Int, _ path: String) throws(FileFault) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = try retrying(path) { () throws(FileFault) in try write(handle, at: offset + done, rest) }
            guard count > 0 else { throw FileFault(code: EIO, path: path) }
            done += count
        }
    }

    func writeAll(_ bytes: [UInt8], to handle: Int32, at offset: Int, _ path: String) throws(FileFault) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(FileFault) in try writeAll(buffer, to: handle, at: offset, path) }
        }
        try result.get()
    }

    /// Fills `buffer`, or as much of it as there is before the file's end; returns how much.
    func readAll(
        _ handle: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer, _ path: String
    ) throws(FileFault) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try retrying(path) { () throws(FileFault) in try read(handle, at: offset + done, into: rest) }
            guard count > 0 else { break }
            done += count
        }
        return done
    }

    /// Lets `body` use a file that is open for reading, and its size.
    func reading<Result>(
        _ path: String, _ body: (_ handle: Int32, _ size: Int) throws(FileFault) -> Result
    ) throws(FileFault) -> Result {
        let handle = try retrying { () throws(FileFault) in try openFile(path) }
        defer { close(handle) }
        return try body(handle, try length(of: handle, path))
    }

    /// The length of an open file in bytes.
    func length(of handle: Int32, _ path: String) throws(FileFault) -> Int {
        try retrying(path) { () throws(FileFault) in try size(of: handle) }
    }

    /// A whole file.
    ///
    /// - Returns: nil where it is longer than `limit`, before anything is read.
    func contents(of path: String, limit: Int) throws(FileFault) -> [UInt8]? {
        try reading(path) { (handle, size) throws(FileFault) in
            guard size <= limit else { return nil }
            return try contents(handle, at: 0, count: size, path)
        }
    }

    /// `count` bytes of an open file, or fewer at its end.
    func contents(_ handle: Int32, at offset: Int, count: Int, _ path: String) throws(FileFault) -> [UInt8] {
        var fault: FileFault?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FileFault) {
                initialized = try readAll(handle, at: offset, into: UnsafeMutableRawBufferPointer(buffer), path)
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
        return bytes
    }

    /// Removes a directory of files, `first` of all that name: gone and durably so before anything else goes.
    func removeTree(_ path: String, first: String) throws(FileFault) {
        let names = try names(in: path)
        if names.contains(first) {
            try removeFile(path + "/" + first)
            try synchronizeDirectory(path)
        }
        for name in names.sorted() where name != first { try removeFile(path + "/" + name) }
        try removeDirectory(path)
    }

    /// Whether something of that name is in `directory`; a directory that does not exist holds nothing.
    func has(_ name: String, in directory: String) throws(FileFault) -> Bool {
        do {
            return try names(in: directory).contains(name)
        } catch {
            guard error.isMissing else { throw error }
            return false
        }
    }

    /// Repeats a call that a signal interrupted; a fault without a path gets `path`.
    private func retrying<Result>(
        _ path: String = "", _ body: () throws(FileFault) -> Result
    ) throws(FileFault) -> Result {
        while true {
            do {
                return try body()
            } catch {
                guard error.code == EINTR else {
                    throw error.path.isEmpty ? FileFault(code: error.code, path: path) : error
                }
            }
        }
    }
}
