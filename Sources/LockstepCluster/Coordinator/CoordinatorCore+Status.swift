/// What can be asked of a coordinator at any time.
extension CoordinatorCore {
    /// What a worker is in the run.
    package enum WorkerRole: String, Sendable {
        case member
        /// A member feeds it, or is told to.
        case observer
        /// It has caught up, and is kept until it is needed.
        case spare
        /// It prepares, or nobody feeds it.
        case waiting
    }

    /// A worker as the coordinator knows it now.
    package struct WorkerReading: Sendable, Equatable {
        package let name: String
        package let host: String
        package let processIdentifier: Int32
        package let role: WorkerRole
        /// The member that feeds it, as it has said; nil where it is a member, or nobody does.
        package let source: String?
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
                role: role(of: worker, lastEventAt ?? 0),
                source: worker.observation.source.flatMap { $0.isOpen ? $0.name : nil },
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
