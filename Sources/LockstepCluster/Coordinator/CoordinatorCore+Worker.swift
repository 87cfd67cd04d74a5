internal import LockstepCore

extension CoordinatorCore {
    /// A worker whose control connection is open.
    struct Worker: Sendable {
        let name: String
        let process: ProcessNumber
        let host: String
        let processIdentifier: Int32
        let threads: Int
        /// That its process may use, and whether they are its own.
        let cores: Int
        let hasOwnCores: Bool
        var connection: ConnectionNumber
        var bulk: ConnectionNumber?
        /// Its HELLO, or the last bytes that it was sent since.
        var preparingSince: UInt64
        var lastHeard: UInt64
        var isSuspected = false
        var stage: Stage
        var step: UInt32 = 0
        /// What it said last, on this connection or on an earlier one.
        var prepared: Prepared?
        /// Whether it said PREPARED on this connection.
        var hasSaidPrepared = false
        /// It was prepared when it said HELLO, and says so again.
        var comesPrepared: Bool
        /// The newest generation whose START it is known to have obeyed, and the newest one that it promised in a HELLO.
        var running: UInt32
        var promised: UInt32
        /// The last step that it has reported on this connection; what it has of earlier ones it has told before.
        var toldStep: UInt32 = 0
        /// Of the roster's generation.
        var isLinked = false
        /// Its answer in the current freeze.
        var frozen: Frozen?
        /// Why it wants to leave, where it does.
        var leaving: String?
        /// Left out because others were out of its reach: neither observes nor joins before this time.
        var waitsUntil: UInt64 = 0
        var exclusions = 0
        /// While it is no member.
        var observation = Observation()
        /// A planned change is made for it.
        var isExpected = false
        /// The members that its current turn waits for, as it said last.
        var waitingFor: [String] = []

        init(_ hello: Hello, _ connection: ConnectionNumber, _ now: UInt64) {
            name = hello.name
            process = hello.process
            host = hello.host
            processIdentifier = hello.processIdentifier
            threads = hello.threads
            cores = hello.cores
            hasOwnCores = hello.hasOwnCores
            self.connection = connection
            preparingSince = now
            lastHeard = now
            comesPrepared = hello.isPrepared
            stage = hello.isPrepared ? .idle : .preparing
            running = hello.running
            promised = hello.promised
        }

        /// Whether a generation can begin with it: prepared, and with a way for its share of the state.
        var isReady: Bool { prepared != nil && bulk != nil }

        /// Whether it answers FREEZE: it holds a state.
        var holdsState: Bool { prepared != nil || comesPrepared }

        /// It was prepared before this coordinator heard of it, or before its connection was lost.
        var isOld: Bool { comesPrepared || running > 0 }

        mutating func take(_ frozen: Frozen) {
            self.frozen = frozen
            stage = .idle
        }

        /// The same process on a newer connection.
        mutating func reconnect(_ hello: Hello, _ connection: ConnectionNumber, _ now: UInt64) {
            self.connection = connection
            lastHeard = now
            hasSaidPrepared = false
            toldStep = 0
            comesPrepared = hello.isPrepared
            running = max(running, hello.running)
            promised = max(promised, hello.promised)
            // It may not have heard of it.
            observation.check = nil
        }
    }

    /// A process that was connected and is not any more.
    struct Absent: Sendable {
        let name: String
        let process: ProcessNumber
        let processIdentifier: Int32
        /// It will not come back.
        var hasEnded: Bool
    }

    /// Another process under the name of a connected one. It waits until that one has answered a ping, or has not.
    struct Claim: Sendable {
        let connection: ConnectionNumber
        let hello: Hello
        let until: UInt64
    }

    // MARK: Who is who

    func isMember(_ worker: Worker) -> Bool {
        roster.map { roster in roster.members.contains { $0.process == worker.process } } ?? false
    }

    /// The connected members of the roster, in its order.
    var members: [Worker] {
        (roster?.members ?? []).compactMap { member in workers.first { $0.process == member.process } }
    }

    /// Whether the links of the generation are being made.
    package var isLinking: Bool { workers.contains { !$0.isLinked && isMember($0) } }

    func index(of process: ProcessNumber) -> Int? { workers.firstIndex { $0.process == process } }
}
