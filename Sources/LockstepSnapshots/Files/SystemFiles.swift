#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The file system of this machine.
package struct SystemFiles: FileLayer {
    package init() {}

    package func makeDirectory(_ path: String) throws(FileFault) {
        try check(mkdir(path, 0o755), path)
    }

    package func names(in directory: String) throws(FileFault) -> [String] {
        guard let stream = opendir(directory) else { throw FileFault(code: errno, path: directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileFault(code: errno, path: directory) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    package func createFile(_ path: String) throws(FileFault) -> Int32 {
        try check(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644), path)
    }

    package func openFile(_ path: String) throws(FileFault) -> Int32 {
        // Without O_NONBLOCK opening a pipe would wait for its writer.
        try plain(check(open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path), path)
    }

    package func openForUpdating(_ path: String) throws(FileFault) -> Int32 {
        try plain(check(open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path), path)
    }

    package func size(of handle: Int32) throws(FileFault) -> Int {
        var status = stat()
        try check(fstat(handle, &status), "")
        return Int(status.st_size)
    }

    package func read(
        _ handle: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(FileFault) -> Int {
        try check(pread(handle, buffer.baseAddress, buffer.count, off_t(offset)), "")
    }

    package func write(_ handle: Int32, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Int {
        try check(pwrite(handle, bytes.baseAddress, bytes.count, off_t(offset)), "")
    }

    package func truncate(_ handle: Int32, to size: Int) throws(FileFault) {
        try check(ftruncate(handle, off_t(size)), "")
    }

    package func synchronize(_ handle: Int32) throws(FileFault) {
        #if canImport(Darwin)
        // There, fsync does not reach through the drive's own cache.
        if fcntl(handle, F_FULLFSYNC) == 0 { return }
        #endif
        try check(fsync(handle), "")
    }

    package func close(_ handle: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(handle)
        #elseif canImport(Musl)
        _ = Musl.close(handle)
        #else
        _ = Darwin.close(handle)
        #endif
    }

    package func synchronizeDirectory(_ path: String) throws(FileFault) {
        let descriptor = try check(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path)
        defer { close(descriptor) }
        try check(fsync(descriptor), path)
    }

    package func rename(_ path: String, to target: String) throws(FileFault) {
        #if canImport(Glibc)
        try check(Glibc.rename(path, target), target)
        #elseif canImport(Musl)
        try check(Musl.rename(path, target), target)
        #else
        try check(Darwin.rename(path, target), target)
        #endif
    }

    package func removeFile(_ path: String) throws(FileFault) {
        try check(unlink(path), path)
    }

    package func removeDirectory(_ path: String) throws(FileFault) {
        try check(rmdir(path), path)
    }

    @discardableResult
    private func check<Number: SignedInteger>(_ result: Number, _ path: String) throws(FileFault) -> Number {
        guard result >= 0 else { throw FileFault(code: errno, path: path) }
        return result
    }

    /// Closes what is not a plain file again.
    private func plain(_ descriptor: Int32, _ path: String) throws(FileFault) -> Int32 {
        var status = stat()
        let result = fstat(descriptor, &status)
        let code = result == 0 ? ENXIO : errno
        guard result == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw FileFault(code: code, path: path)
        }
        return descriptor
    }
}
