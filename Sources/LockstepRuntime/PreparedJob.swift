package import LockstepCluster
internal import LockstepCore
internal import LockstepData
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

/// A job as the coordinator has read it: how it was given, the job itself, its files.
package struct PreparedJob: Sendable {
    package let source: JobSource
    package let job: ResolvedJob
    package let files: [FileReference]
    /// The source as it travels in WELCOME.
    package let encodedSource: String
    private let paths: [JobFile.DataFile]

    /// Reads a job file, or the program's own job where the path is nil, and everything that it names.
    ///
    /// - Throws: `CommandError.usage`, one line that names the place and the way to mend it.
    package init(path: String?, overrides: [String]) throws {
        try self.init(try PreparedJob.source(path: path, overrides: overrides))
    }

    /// Reads a job again as it was given to a run.
    ///
    /// - Throws: `CommandError.usage`.
    package init(_ source: JobSource) throws {
        let file = try JobFile(source)
        var contents: [String: DataFile] = [:]
        var files: [FileReference] = []
        for reference in file.files {
            let data = try RegularFile.read(reference.path, at: reference.absolutePath)
            contents[reference.name] = data
            files.append(
                FileReference(
                    name: reference.name, absolutePath: reference.absolutePath, digest: try data.digest(),
                    isOffered: true))
        }
        self.source = source
        self.files = files
        paths = file.files
        encodedSource = try PreparedJob.encoded(source)
        var job = try PreparedJob.naming(source.fileName) {
            try ResolvedJob(file.job) { path in
                contents[path.name] ?? DataFile(name: path.name, bytes: [])
            }
        }
        job.dropInitialWeights()
        self.job = job
    }

    /// A file of the job as it travels to a worker that cannot read it.
    ///
    /// - Throws: `CommandError` where it is not there any more, or another than at the start.
    func packedFile(_ name: String) throws(CommandError) -> [UInt8] {
        guard let path = paths.first(where: { $0.name == name }), let known = files.first(where: { $0.name == name })
        else { throw .usage("\(name.escapedForDisplay()): no file of this job") }
        let data = try RegularFile.read(path.path, at: path.absolutePath)
        guard try data.digest() == known.digest else {
            throw .usage("\(name.escapedForDisplay()): the coordinator's file has changed since the run began")
        }
        return data.packed
    }

    /// The source as `run.json` keeps it.
    var sourceValue: JSONValue { (try? JSONValue(parsing: Array(encodedSource.utf8))) ?? .null }

    static func source(path: String?, overrides: [String]) throws(CommandError) -> JobSource {
        let here = currentDirectory
        guard let path else {
            guard ProgramJob.isRegistered else { throw .usage("no job named; give the path of a job file") }
            return .program(name: programName, currentDirectory: here, overrides: overrides)
        }
        guard !path.isEmpty else { throw .usage("no job named; give the path of a job file") }
        let text = try PreparedJob.text(of: path)
        let absolute = path.hasPrefix("/") ? path : "\(here)/\(path)"
        return JobSource(
            fileName: path, fileDirectory: String(absolute[..<(absolute.lastIndex(of: "/") ?? absolute.startIndex)]),
            currentDirectory: here, text: text, overrides: overrides)
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
    static func naming<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as CommandError {
            throw CommandError(error.exitCode, "\(path.escapedForDisplay()): \(error.message)")
        }
    }

    private static func text(of path: String) throws(CommandError) -> String {
        let bytes = try RegularFile.read(path, shownAs: path, maximumBytes: 1 << 20)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .usage("\(path.escapedForDisplay()): not UTF-8 text; a job file is YAML")
        }
        return text
    }

    private static var programName: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "program"
    }

    private static var currentDirectory: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }
}

extension JobFile.DataFile {
    var path: DataPath { isDirectory ? .directory(name) : .file(name) }
}
