internal import LockstepCluster
internal import LockstepCore
internal import Tracing

/// The spans of those that follow the run without computing: each from when it is first fed until it is a member, or gone.
struct Observations {
    private struct Observation {
        let name: String
        let processIdentifier: Int32
        let span: any Span
    }

    /// In order of their beginnings.
    private var observations: [Observation] = []

    /// - Parameters:
    ///   - workers: all, as they are now.
    ///   - context: of the run.
    /// - Returns: whether a span has ended.
    mutating func update(
        _ workers: [CoordinatorCore.WorkerReading], generation: UInt32, tracer: any Tracer, context: ServiceContext
    ) -> Bool {
        let count = observations.count
        observations.removeAll { observation in
            let worker = workers.first {
                $0.name == observation.name && $0.processIdentifier == observation.processIdentifier
            }
            guard worker == nil || worker?.role == .member else { return false }
            if worker != nil { observation.span.attributes[TraceName.generation] = Int64(generation) }
            observation.span.end()
            return true
        }
        let hasEnded = observations.count < count
        for worker in workers where worker.role == .observer || worker.role == .spare {
            let index =
                observations.firstIndex {
                    $0.name == worker.name && $0.processIdentifier == worker.processIdentifier
                } ?? begin(worker, tracer, context)
            if let source = worker.source { observations[index].span.attributes[TraceName.source] = source }
            if worker.role == .spare { observations[index].span.attributes[TraceName.isSpare] = true }
        }
        return hasEnded
    }

    private mutating func begin(
        _ worker: CoordinatorCore.WorkerReading, _ tracer: any Tracer, _ context: ServiceContext
    ) -> Int {
        let span = tracer.startSpan(TraceName.observation, context: context, ofKind: .internal)
        span.attributes[TraceName.worker] = worker.name
        observations.append(
            Observation(name: worker.name, processIdentifier: worker.processIdentifier, span: span))
        return observations.count - 1
    }

    /// The run is over.
    mutating func end() {
        for observation in observations { observation.span.end() }
        observations = []
    }
}
