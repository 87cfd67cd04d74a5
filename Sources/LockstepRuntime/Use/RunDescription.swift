package import LockstepCore
internal import LockstepData
package import LockstepFormats
package import LockstepJobs

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// `run.json`: what a run is a run of.
package struct RunDescription: Sendable {
    package let run: String
    package let jobName: String
    package let jobDigest: String
    /// How the job was given.
    package let source: JobSource
    package let value: JSONValue

    /// - Throws: `CommandError.usage` that names the file.
    package init(_ directory: RunDirectory) throws(CommandError) {
        let shown = directory.run.escapedForDisplay(limit: 1000)
        let bytes = try RegularFile.read(directory.run, shownAs: directory.run, maximumBytes: 16 << 20)
        guard let value = try? JSONValue(parsing: bytes), let run = value["run"]?.string,
            let jobName = value["job"]?.string, let jobDigest = value["jobDigest"]?.string,
            let source = value["source"],
            let decoded = try? JSONDecoder().decode(JobSource.self, from: Data(source.text.utf8))
        else { throw .usage("\(shown): not a run's description; was it changed by hand?") }
        self.run = run
        self.jobName = jobName
        self.jobDigest = jobDigest
        self.source = decoded
        self.value = value
    }
}
