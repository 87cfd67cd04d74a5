package import LockstepCore

/// One pair of a trace context (`traceparent` and its like) that travels in a message.
package struct ContextField: Sendable, Hashable, Codable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// A file that the job reads: workers open it only beneath their data directory and compare its digest.
package struct FileReference: Sendable, Hashable, Codable {
    package var name: String
    package var absolutePath: String
    package var digest: Digest

    package init(name: String, absolutePath: String, digest: Digest) {
        self.name = name
        self.absolutePath = absolutePath
        self.digest = digest
    }
}

/// What a worker learns from the coordinator before it prepares.
package struct Welcome: Sendable, Equatable, Codable {
    package var runIdentifier: String
    package var incarnation: UInt32
    package var clusterName: String
    /// The resolved job, opaque here.
    package var job: String
    package var files: [FileReference]
    package var traceContext: [ContextField]

    package init(
        runIdentifier: String, incarnation: UInt32, clusterName: String, job: String, files: [FileReference],
        traceContext: [ContextField]
    ) {
        self.runIdentifier = runIdentifier
        self.incarnation = incarnation
        self.clusterName = clusterName
        self.job = job
        self.files = files
        self.traceContext = traceContext
    }
}

/// A generation begins.
package struct Start: Sendable, Equatable, Codable {
    package var roster: Roster
    package var traceContext: [ContextField]

    package init(roster: Roster, traceContext: [ContextField]) {
        self.roster = roster
        self.traceContext = traceContext
    }
}

/// Send your share of S(step) on the bulk connection: share `share` of `count` near-equal ones.
package struct Fetch: Sendable, Hashable, Codable {
    package var step: UInt32
    package var share: Int
    package var count: Int

    package init(step: UInt32, share: Int, count: Int) {
        self.step = step
        self.share = share
        self.count = count
    }
}

/// The worker is not needed any more and ends.
package struct Release: Sendable, Equatable, Codable {
    package var reason: String
    package var exitCode: ExitCode

    package init(reason: String, exitCode: ExitCode) {
        self.reason = reason
        self.exitCode = exitCode
    }
}
