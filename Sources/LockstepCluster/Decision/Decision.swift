package import LockstepCore

/// Who goes on, and from which state: a pure function of what all that stand still have answered. Made once a generation.
package struct Decision: Sendable {
    /// A process that stands still.
    package struct Answer: Sendable {
        package enum Standing: Sendable {
            /// A member of the last roster.
            case member
            /// Prepared and checked, and not a member.
            case joiner
            /// It vouches for what it holds, and cannot be a member.
            case bystander
        }

        package var name: String
        package var process: ProcessNumber
        package var standing: Standing
        package var isLeaving: Bool
        /// The first generation that it was a member of: who has been longest is kept first.
        package var seniority: UInt32
        /// The newest generation whose START it is known to have obeyed.
        package var running: UInt32
        /// A joiner that nobody could feed: it is taken in whatever it holds.
        package var isAdmitted: Bool
        /// Members that a joiner could not dial.
        package var unreachable: [ProcessNumber]
        package var frozen: Frozen

        package init(
            name: String, process: ProcessNumber, standing: Standing, isLeaving: Bool = false,
            seniority: UInt32 = UInt32.max, running: UInt32 = 0, isAdmitted: Bool = false,
            unreachable: [ProcessNumber] = [], frozen: Frozen
        ) {
            self.name = name
            self.process = process
            self.standing = standing
            self.isLeaving = isLeaving
            self.seniority = seniority
            self.running = running
            self.isAdmitted = isAdmitted
            self.unreachable = unreachable
            self.frozen = frozen
        }

        /// Whose voice it is that speaks for the state: a copy says no more than its source did.
        var voice: ProcessNumber { frozen.source ?? process }
    }

    /// Something that stands for a state's hash.
    package struct Voucher: Sendable, Hashable {
        package enum Source: Sendable, Hashable {
            case process(ProcessNumber)
            case roster
            case snapshot
        }

        package var point: StatePoint
        package var hash: StateHash
        package var source: Source

        package init(point: StatePoint, hash: StateHash, source: Source) {
            self.point = point
            self.hash = hash
            self.source = source
        }
    }

    /// What to do where nobody that answered holds a state as new as the run has come.
    package enum Fallback: Sendable, Equatable {
        /// Someone who may hold it can still return.
        case wait
        /// Nobody will; the newest snapshot is not known yet.
        case ask
        /// It is this one, or S(0) where there is none.
        case take(Holding)
    }

    package struct Choice: Sendable, Equatable {
        /// In the order of their names' bytes.
        package var members: [String]
        package var start: Holding
        /// The members that hold `start`, in the same order.
        package var holders: [String]
        package var distrusted: [ProcessNumber]
        /// Left out because not all of the others can be reached from there.
        package var unreachable: [String]
    }

    package enum Outcome: Sendable, Equatable {
        case roster(Choice)
        case waitForHolder
        case fromSnapshot
        /// So few can be members.
        case tooFew(Int)
    }

    package var answers: [Answer]
    package var lastRoster: Roster?
    /// What is journaled, and what was reported.
    package var vouchers: [Voucher]
    /// The run has come so far: an older state is taken only where no other is to be had.
    package var reached: UInt32
    package var fallback: Fallback
    /// How many become members.
    package var policy: SparePolicy
    package var minWorkers: Int
    /// Whether everybody is taken in that is here: the run had not been working, and nobody could be fed.
    package var admitsAll: Bool
    /// Observers at hand that have not answered: spares, as far as it goes.
    package var silentObservers = 0
    /// Processes whose state is known to differ in what no hash shows.
    package var accused: [ProcessNumber] = []
    package var rules = ProtocolRules()

    package init(
        answers: [Answer], lastRoster: Roster?, vouchers: [Voucher] = [], reached: UInt32, fallback: Fallback,
        policy: SparePolicy, minWorkers: Int = 1, admitsAll: Bool = false, rules: ProtocolRules = ProtocolRules()
    ) {
        self.answers = answers.map { Self.withoutOldKnowledge($0, of: answers, lastRoster) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.lastRoster = lastRoster
        self.vouchers = vouchers
        self.reached = reached
        self.fallback = fallback
        self.policy = policy
        self.minWorkers = minWorkers
        self.admitsAll = admitsAll
        self.rules = rules
    }

    /// Who is out of reach counts where it was said of processes of the last roster by one of them: a name may be another
    /// process by now.
    private static func withoutOldKnowledge(_ answer: Answer, of answers: [Answer], _ roster: Roster?) -> Answer {
        var answer = answer
        answer.frozen.outOfReach = answer.frozen.outOfReach.filter { name in
            guard let roster, answer.running == roster.generation, let peer = roster.index(of: name) else {
                return false
            }
            return answers.contains { $0.name == name && $0.process == roster.members[peer].process }
        }
        return answer
    }
}
