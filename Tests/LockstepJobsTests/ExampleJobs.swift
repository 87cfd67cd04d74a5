import LockstepCore
import LockstepData

@testable import LockstepJobs

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The jobs in `cluster/jobs`.
enum ExampleJobs {
    static let directory: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/cluster/jobs"
    }()

    static var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: directory)
                .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
        }
    }

    static func file(_ name: String, _ overrides: [String] = []) throws -> JobFile {
        let path = "\(directory)/\(name).yaml"
        return try JobFile(
            JobSource(
                fileName: path, fileDirectory: directory, currentDirectory: directory,
                text: try String(contentsOfFile: path, encoding: .utf8), overrides: overrides))
    }

    static func resolved(_ name: String, _ overrides: [String] = []) throws -> ResolvedJob {
        let file = try file(name, overrides)
        return try ResolvedJob(file.job) { path in
            try RegularFile.read(path, at: file.files.first { $0.name == path.name }?.absolutePath ?? path.name)
        }
    }
}
