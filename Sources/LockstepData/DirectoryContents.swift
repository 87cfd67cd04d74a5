internal import LockstepCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reads the files of a directory and of the directories in it, to a depth. Hidden files are passed over.
///
/// Everything is opened relative to the directory that the caller has opened and judged, without following links; a
/// link is followed only where `isAllowed` says so of what it led to.
struct DirectoryContents {
    /// What messages call the directory.
    let name: String
    let path: String
    let limits: DirectoryLimits
    /// Whether what a link's path led to may be read.
    let isAllowed: (_ path: String, _ descriptor: Int32) -> Bool

    private struct Listing {
        var entries: [DataFile] = []
        var byteCount = 0
    }

    init(
        name: String, path: String, limits: DirectoryLimits,
        isAllowed: @escaping (_ path: String, _ descriptor: Int32) -> Bool
    ) {
        self.name = name
        self.path = path
        self.limits = limits
        self.isAllowed = isAllowed
    }

    /// - Throws: a usage error that names the directory and the file.
    func read(_ descriptor: Int32) throws(CommandError) -> DataFile {
        var listing = Listing()
        try add(descriptor, prefix: "", depth: 0, to: &listing)
        guard !listing.entries.isEmpty else {
            throw refusal(nil, "there is no file in it; name a directory with files or with directories of files")
        }
        return DataFile(name: name, entries: listing.entries)
    }

    private func add(
        _ directory: Int32, prefix: String, depth: Int, to listing: inout Listing
    ) throws(CommandError) {
        // Sorted, so that the same flaw is reported wherever it is met.
        for entry in try names(in: directory, prefix: prefix, room: limits.maximumFiles - listing.entries.count) {
            let relative = prefix + entry
            let descriptor = try open(entry, in: directory, relative)
            defer { close(descriptor) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw refusal(relative, String(cString: strerror(errno))) }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                guard listing.entries.count < limits.maximumFiles else { throw tooMany }
                listing.byteCount += Int(status.st_size)
                guard listing.byteCount <= limits.maximumBytes else {
                    throw refusal(nil, "its files have more than \(limits.maximumBytes) bytes, which is the limit")
                }
                do {
                    let bytes = try RegularFile.contents(of: descriptor, count: Int(status.st_size))
                    listing.entries.append(DataFile(name: relative, bytes: bytes))
                } catch {
                    throw refusal(relative, error.reason)
                }
            case S_IFDIR:
                guard depth < DirectoryLimits.maximumDepth else {
                    throw refusal(
                        relative,
                        "files lie at most \(DirectoryLimits.maximumDepth) directories deep; is it a link that leads back?"
                    )
                }
                try add(descriptor, prefix: relative + "/", depth: depth + 1, to: &listing)
            default:
                throw refusal(relative, "neither a file nor a directory; remove it")
            }
        }
    }

    private func open(_ entry: String, in directory: Int32, _ relative: String) throws(CommandError) -> Int32 {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = openat(directory, entry, flags | O_NOFOLLOW)
        if descriptor >= 0 { return descriptor }
        guard errno == ELOOP || errno == EMLINK else { throw refusal(relative, String(cString: strerror(errno))) }
        let followed = openat(directory, entry, flags)
        guard followed >= 0 else { throw refusal(relative, "a link: \(String(cString: strerror(errno)))") }
        guard isAllowed("\(path)/\(relative)", followed) else {
            close(followed)
            throw refusal(relative, "a link that leads outside the data directory; copy the file there")
        }
        return followed
    }

    /// The names in a directory by their UTF-8 bytes.
    private func names(in directory: Int32, prefix: String, room: Int) throws(CommandError) -> [String] {
        // The stream owns its descriptor.
        let copy = openat(directory, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard copy >= 0, let stream = fdopendir(copy) else {
            let reason = String(cString: strerror(errno))
            if copy >= 0 { close(copy) }
            throw refusal(prefix.isEmpty ? nil : prefix, reason)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw refusal(prefix, String(cString: strerror(errno))) }
                break
            }
            let bytes = withUnsafePointer(to: &entry.pointee.d_name) { name in
                let start = UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
                return Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
            }
            guard bytes.first != UInt8(ascii: ".") else { continue }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                throw refusal(prefix + String(decoding: bytes, as: UTF8.self), "its name is not UTF-8; rename it")
            }
            names.append(name)
            guard names.count <= room else { throw tooMany }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private var tooMany: CommandError {
        refusal(nil, "there are more than \(limits.maximumFiles) files in it, which is the limit")
    }

    private func refusal(_ entry: String?, _ reason: String) -> CommandError {
        let shown = name.escapedForDisplay()
        return .usage("data directory “\(shown)”: \(entry.map { "“\($0.escapedForDisplay())”: " } ?? "")\(reason)")
    }
}
