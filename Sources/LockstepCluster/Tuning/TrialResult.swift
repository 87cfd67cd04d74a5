/// What all members measured in one trial.
package struct TrialResult: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package let name: String
        package let measured: Measured

        package init(name: String, measured: Measured) {
            self.name = name
            self.measured = measured
        }
    }

    package let trial: Trial
    /// In roster order.
    package let members: [Member]

    package init(trial: Trial, members: [Member]) {
        self.trial = trial
        self.members = members
    }

    /// For each counted round what it took the slowest member.
    package var seconds: [Double] {
        (0..<(members.map(\.measured.seconds.count).min() ?? 0)).map { round in
            members.lazy.map { $0.measured.seconds[round] }.max() ?? 0
        }
    }

    /// Of `seconds`; 0 where there are none.
    package var median: Double {
        let sorted = seconds.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// Processor time of one round, of the member that needs most; 0 where it is not known.
    package var processorSeconds: Double {
        guard trial.rounds > 0 else { return 0 }
        return (members.map(\.measured.processorSeconds).max() ?? 0) / Double(trial.rounds)
    }
}
