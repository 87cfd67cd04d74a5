/// What can be asked of a coordinator at any time.
extension CoordinatorCore {
    /// A worker as the coordinator knows it now.
    package struct WorkerReading: Sendable, Equatable {
        package let name: String
        package let host: String
        package let processIdentifier: Int32
        /// Its lanes; nil where it is no member of a generation.
        package let lanes: Range<Int>?
        package let stage: Stage
        package let step: UInt32
        /// When it was last heard, in the nanoseconds of `handle`.
        package let lastHeard: UInt64
        /// It has said nothing for some time.
        package let isSuspected: Bool
        /// It will be let go.
        package let isLeaving: Bool
        /// The members that its current turn waits for.
        package let waitingFor: [String]
    }

    /// The members in the order of the roster, then all others in order of arrival.
    package var workerReadings: [WorkerReading] {
        (members + workers.filter { !isMember($0) }).map { worker in
            WorkerReading(
                name: worker.name, host: worker.host, processIdentifier: worker.processIdentifier,
                lanes: roster?.members.first { $0.process == worker.process }?.lanes,
                stage: worker.stage, step: worker.step, lastHeard: worker.lastHeard, isSuspected: worker.isSuspected,
                isLeaving: worker.leaving != nil, waitingFor: worker.waitingFor)
        }
    }

    /// Why the run stops, where it was asked to.
    package var stopping: String? { stopReason ?? lateStopReason }

    /// The rosters of the run so far, those of earlier incarnations among them.
    var rosters: [Roster] { configuration.history.rosters + journal.compactMap(\.roster) }
}
