internal import LockstepFormats

/// What a coordinator says to the wish that a worker leaves.
struct DrainAnswer: Sendable, Equatable {
    enum Kind: String, Sendable {
        /// It is on its way out.
        case asked
        /// No worker of that name is connected.
        case unknown
        /// Without it nobody would hold the state.
        case last
    }

    let kind: Kind
    let worker: String
    let processIdentifier: Int32
    /// All that are connected.
    let workers: [String]

    init(_ kind: Kind, worker: String, processIdentifier: Int32, workers: [String]) {
        self.kind = kind
        self.worker = worker
        self.processIdentifier = processIdentifier
        self.workers = workers
    }

    /// nil where it is no such answer.
    init?(_ value: JSONValue) {
        guard value["event"]?.string == "drain", let kind = value["answer"]?.string.flatMap({ Kind(rawValue: $0) }),
            let worker = value["worker"]?.string,
            let number = value["processIdentifier"]?.int.flatMap({ Int32(exactly: $0) })
        else { return nil }
        self.init(
            kind, worker: worker, processIdentifier: number,
            workers: (value["workers"]?.array ?? []).compactMap(\.string))
    }

    var value: JSONValue {
        [
            "event": "drain", "answer": .string(kind.rawValue), "worker": .string(worker),
            "processIdentifier": .number(processIdentifier), "workers": .array(workers.map { .string($0) }),
        ]
    }
}
