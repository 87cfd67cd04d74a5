/// What an audit of samples found.
package struct SampleAuditResult: Sendable, Equatable {
    /// Neighbouring epochs that came out alike, most often one.
    package struct Epoch: Sendable, Hashable {
        package internal(set) var epochs: ClosedRange<Int>
        package internal(set) var steps: ClosedRange<Int>
        /// Whether the run has done them to their end.
        package let isComplete: Bool
        /// Samples that these steps use, in each epoch.
        package let samples: Int
        /// Of these, those that are proved to have counted exactly once.
        package let once: Int
        /// That are proved to have counted more than once.
        package let repeated: Int
        /// Some of those that did not count exactly once, in the order of their numbers. Of complete epochs only.
        package let examples: [Int]

        package var isExact: Bool { once == samples && repeated == 0 }
        /// That nothing proves to have counted.
        package var unproved: Int { samples - once - repeated }
    }

    package let samplesPerEpoch: Int
    package let laneCount: Int
    /// The last step that is reported, or known to be done.
    package let lastStep: Int
    package let reportCount: Int
    package let epochs: [Epoch]
    /// At most 1000 of them.
    package let findings: [AuditFinding]
    package let findingCount: Int

    package var completedEpochs: Int { epochs.reduce(0) { $0 + ($1.isComplete ? $1.epochs.count : 0) } }

    /// Whether every sample of every step that was done counted exactly once, as far as reports can prove.
    package var isExact: Bool { findingCount == 0 && epochs.allSatisfy(\.isExact) }
}
