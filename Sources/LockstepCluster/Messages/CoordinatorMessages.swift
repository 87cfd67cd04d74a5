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
    /// Whether the coordinator streams it to a worker that cannot read it.
    package var isOffered: Bool

    package init(name: String, absolutePath: String, digest: Digest, isOffered: Bool = false) {
        self.name = name
        self.absolutePath = absolutePath
        self.digest = digest
        self.isOffered = isOffered
    }
}

/// The state that a run resumes from. The coordinator streams it on the bulk connection to a worker that asks.
package struct StateOffer: Sendable, Hashable, Codable {
    package var step: UInt32
    /// Of all its vectors.
    package var byteCount: Int
    package var stateDigest: Digest

    package init(step: UInt32, byteCount: Int, stateDigest: Digest) {
        self.step = step
        self.byteCount = byteCount
        self.stateDigest = stateDigest
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
    /// nil where the run begins at step 0.
    package var state: StateOffer?
    /// How many rails a worker offers: as many as it may use cores, but within these bounds.
    package var fewestLinks: Int
    package var mostLinks: Int
    /// Steps up to this one are reported; the worker need not report them again.
    package var reportedStep: UInt32
    package var traceContext: [ContextField]

    package init(
        runIdentifier: String, incarnation: UInt32, clusterName: String, job: String, files: [FileReference],
        state: StateOffer? = nil, fewestLinks: Int = 1, mostLinks: Int = 1, reportedStep: UInt32 = 0,
        traceContext: [ContextField]
    ) {
        self.runIdentifier = runIdentifier
        self.incarnation = incarnation
        self.clusterName = clusterName
        self.job = job
        self.files = files
        self.state = state
        self.fewestLinks = fewestLinks
        self.mostLinks = mostLinks
        self.reportedStep = reportedStep
        self.traceContext = traceContext
    }
}

/// A generation begins.
package struct Start: Sendable, Equatable, Codable {
    package var roster: Roster
    /// After so many steps each the workers hand over the state; 0 for never.
    package var snapshotEverySteps: UInt32
    package var hostShare: HostShare
    package var traceContext: [ContextField]

    package init(
        roster: Roster, snapshotEverySteps: UInt32 = 0, hostShare: HostShare = .all, traceContext: [ContextField]
    ) {
        self.roster = roster
        self.snapshotEverySteps = snapshotEverySteps
        self.hostShare = hostShare
        self.traceContext = traceContext
    }
}

/// Send your share of S(step) on the bulk connection: share `share` of `count` near-equal ones.
package struct Fetch: Sendable, Hashable, Codable {
    package var step: UInt32
    package var share: Int
    package var count: Int

    /// More members no run has.
    package static let mostShares = 65_536

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

/// Asks whether the worker lives, and says up to which step its reports have come.
package struct Ping: Sendable, Hashable, Codable {
    package var nonce: UInt64
    package var reportedStep: UInt32

    package init(nonce: UInt64, reportedStep: UInt32 = 0) {
        self.nonce = nonce
        self.reportedStep = reportedStep
    }
}
