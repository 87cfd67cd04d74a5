/// What can be asked of a coordinator at any time.
extension CoordinatorCore {
    /// A worker as the coordinator knows it now.
    package struct WorkerReading: Sendable, Equatable {
        package let name: String
        package let host: String
        package let processIdentifier: Int32
        /// Its lanes; nil before a generation began.
        package let lanes: Range<Int>?
        package let stage: Stage
        package let step: UInt32
        /// When it was last heard, in the nanoseconds of `handle`.
        package let lastHeard: UInt64
        /// The members that its current turn waits for.
        package let waitingFor: [String]
    }

    /// In the order of the roster, or of arrival before there is one.
    package var workerReadings: [WorkerReading] {
        workers.map { worker in
            WorkerReading(
                name: worker.name, host: worker.host, processIdentifier: worker.processIdentifier,
                lanes: roster.flatMap { roster in roster.index(of: worker.name).map { roster.members[$0].lanes } },
                stage: worker.stage, step: worker.step, lastHeard: worker.lastHeard, waitingFor: worker.waitingFor)
        }
    }

    /// Why the run stops, where it was asked to.
    package var stopping: String? { stopReason ?? lateStopReason }
}
