package import LockstepCluster
internal import LockstepCore
package import LockstepData
internal import LockstepFormats
package import LockstepJobs

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A job as the coordinator has read it: the text that workers build it from, the job itself, its files.
package struct PreparedJob: Sendable {
    package let source: JobSource
    package let job: ResolvedJob
    package let files: [FileReference]
    /// The source as it travels in WELCOME.
    package let encodedSource: String

    /// Reads a job file and everything it names.
    ///
    /// - Throws: `CommandError.usage`, one line that names the place and the way to mend it.
    package init(path: String, overrides: [String]) throws {
        guard !path.isEmpty else { throw CommandError.usage("no job named; give the path of a job file") }
        let text = try PreparedJob.text(of: path)
        let here = PreparedJob.currentDirectory
        let absolute = path.hasPrefix("/") ? path : "\(here)/\(path)"
        let source = JobSource(
            fileName: path, fileDirectory: String(absolute[..<(absolute.lastIndex(of: "/") ?? absolute.startIndex)]),
            currentDirectory: here, text: text, overrides: overrides)
        let file = try JobFile(source)
        var contents: [String: [UInt8]] = [:]
        var files: [FileReference] = []
        for reference in file.files {
            let bytes = try RegularFile.read(reference.absolutePath, shownAs: reference.name)
            contents[reference.name] = bytes
            files.append(
                FileReference(
                    name: reference.name, absolutePath: reference.absolutePath,
                    digest: try PreparedJob.digest(of: bytes, name: reference.name)))
        }
        self.source = source
        self.files = files
        self.encodedSource = try PreparedJob.encoded(source)
        self.job = try PreparedJob.naming(path) { try ResolvedJob(file.job) { contents[$0] ?? [] } }
    }

    /// Builds the coordinator's job in a worker, from files beneath its data directory.
    ///
    /// - Throws: `CommandError.usage` that names the file.
    package init(welcome: Welcome, dataDirectory: DataDirectory) throws {
        guard let source = try? JSONDecoder().decode(JobSource.self, from: Data(welcome.job.utf8)) else {
            throw CommandError.failed("the coordinator sent a job that this program cannot read; run the same version")
        }
        let file = try JobFile(source)
        var contents: [String: [UInt8]] = [:]
        for reference in welcome.files {
            let bytes = try dataDirectory.read(name: reference.name, absolutePath: reference.absolutePath)
            guard try PreparedJob.digest(of: bytes, name: reference.name) == reference.digest else {
                throw CommandError.usage(
                    "\(reference.name.escapedForDisplay()): this file differs from the coordinator's; copy the same one here"
                )
            }
            contents[reference.name] = bytes
        }
        self.source = source
        self.files = welcome.files
        self.encodedSource = welcome.job
        self.job = try PreparedJob.naming(source.fileName) { try ResolvedJob(file.job) { contents[$0] ?? [] } }
    }

    /// The source as it travels in WELCOME.
    private static func encoded(_ source: JobSource) throws(CommandError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(source), as: UTF8.self)
        } catch {
            throw .failed("the job cannot be sent to workers: \("\(error)".escapedForDisplay())")
        }
    }

    /// Errors of a job that is well-formed but does not fit together name its file too.
    private static func naming<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as CommandError {
            throw CommandError(error.exitCode, "\(path.escapedForDisplay()): \(error.message)")
        }
    }

    /// Over a file's contents, uncompressed where it is gzip.
    private static func digest(of bytes: [UInt8], name: String) throws(CommandError) -> Digest {
        do {
            return DigestBuilder.digest(
                of: Inflate.isGzip(bytes) ? try Inflate.gunzip(bytes, maximumBytes: 8 << 30) : bytes)
        } catch {
            throw .usage("\(name.escapedForDisplay()): damaged: \(error)")
        }
    }

    private static func text(of path: String) throws(CommandError) -> String {
        let bytes = try RegularFile.read(path, shownAs: path, maximumBytes: 1 << 20)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .usage("\(path.escapedForDisplay()): not UTF-8 text; a job file is YAML")
        }
        return text
    }

    private static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }
}
