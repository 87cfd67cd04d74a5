internal import CoreFoundation
internal import LockstepCore
internal import LockstepFormats

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reading whole files that a user named.
enum UserFile {
    /// - Throws: `CommandError.usage` that names the file and what is wrong with it.
    static func read(_ path: String, shownAs name: String, limit: Int = 8 << 30) throws(CommandError) -> [UInt8] {
        let shown = name.escapedForDisplay()
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .usage("\(shown): cannot be opened: \(String(cString: strerror(errno))); check the path")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .usage("\(shown): not a file; name a file")
        }
        let size = Int(status.st_size)
        guard size <= limit else { throw .usage("\(shown): larger than \(limit) bytes; split it") }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Self.read(descriptor, buffer, count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else {
            throw .usage("\(shown): cannot be read: \(String(cString: strerror(failure)))")
        }
        return bytes
    }

    /// Over the contents, uncompressed where the file is gzip.
    static func digest(of bytes: [UInt8], name: String) throws(CommandError) -> Digest {
        do {
            return DigestBuilder.digest(
                of: Inflate.isGzip(bytes) ? try Inflate.gunzip(bytes, maximumBytes: 8 << 30) : bytes)
        } catch {
            throw .usage("\(name.escapedForDisplay()): damaged: \(error)")
        }
    }

    private static func read(_ descriptor: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>, _ offset: Int) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        #if canImport(Glibc)
        return Glibc.read(descriptor, base + offset, buffer.count - offset)
        #elseif canImport(Musl)
        return Musl.read(descriptor, base + offset, buffer.count - offset)
        #else
        return Darwin.read(descriptor, base + offset, buffer.count - offset)
        #endif
    }
}
