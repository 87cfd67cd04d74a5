internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels
internal import Logging
internal import NIOCore

/// How a member that lacks the state of a roster gets it, and how others give it theirs.
extension WorkerDriver {
    /// Sends a share to each member that lacks the state.
    func serve(_ roster: Roster) {
        guard let job, let state, let rail = rails?.rails.first, let own = roster.index(of: core.identity.name)
        else { return }
        let pieces = WorkerDriver.pieces(of: roster, job)
        guard !pieces.needers.isEmpty, let share = pieces.holders.firstIndex(of: own) else { return }
        let bytes = StateNumbers(
            of: job, watched, epochSums: core.lastEpoch, epochSampleSum: core.epochSampleSum
        ).bytes
        rail.loop.execute { rail.send(share, of: pieces, state, numbers: bytes) }
    }

    /// Gets the state of a roster: from its holders; where it has none from the coordinator, or from the job at step 0.
    func level(_ roster: Roster) -> WorkerEvent? {
        #if LOCKSTEP_FAILPOINTS
        pass(.levelling, step: roster.startStep)
        #endif
        guard let job, let rails, let welcome else { return .failed(reason: "a state is wanted before the job") }
        levelling = roster
        // A second state takes room enough.
        vectors?.empty()
        let pieces = WorkerDriver.pieces(of: roster, job)
        do {
            guard roster.holders.isEmpty else {
                let staged = StagedState(pieces)
                let rail = rails.rails[0]
                rail.loop.execute { rail.receive(pieces, into: staged) }
                return nil
            }
            if roster.start.step > 0 {
                fetch(Want(state: true), vectors: pieces.vectorCount + 1)
            } else if job.initialWeightsPath != nil {
                // The weights were given up after their first use.
                var beginning = welcome
                beginning.state = nil
                let preparation = try Preparation(beginning, dataDirectory: DataDirectory(root: settings.dataDirectory))
                self.preparation = preparation
                fetch(preparation.want, vectors: preparation.vectorCount)
            } else {
                let state = try FlatState(plan: job.plan, seed: job.seed, keepsBest: job.keepsBest)
                return level(from: state, roster, job)
            }
            return nil
        } catch {
            return failed(error)
        }
    }

    /// What the coordinator was asked for has come.
    func received(_ fetched: Fetched) -> WorkerEvent? {
        guard let roster = levelling, let job else { return finishPreparing(fetched) }
        do {
            if let preparation {
                self.preparation = nil
                return level(from: try preparation.finish(fetched, settings.kernels).state, roster, job)
            }
            let pieces = WorkerDriver.pieces(of: roster, job)
            let counts = Array(repeating: 4 * pieces.elementCount, count: pieces.vectorCount) + [8 * pieces.numberCount]
            guard fetched.state.map(\.count) == counts else {
                return .levellingFailed(peer: nil, reason: "the coordinator sent a state that is not one of this job")
            }
            let staged = StagedState(pieces)
            for (vector, bytes) in fetched.state.enumerated() {
                staged.memory(vector).bytes(0..<bytes.count / 4).copyBytes(from: bytes)
            }
            return level(from: staged, roster)
        } catch {
            return failed(error)
        }
    }

    /// The holders have sent all shares.
    func received(_ staged: StagedState, generation: UInt32) -> WorkerEvent? {
        guard let roster = levelling, roster.generation == generation else { return nil }
        return level(from: staged, roster)
    }

    private func level(from state: FlatState, _ roster: Roster, _ job: ResolvedJob) -> WorkerEvent? {
        let numbers = StateNumbers(of: job, WatchState(), epochSums: [], epochSampleSum: 0).all
        return level(from: ([state.parameters] + state.vectors).map { UnsafePointer($0) }, numbers, roster)
    }

    private func level(from staged: StagedState, _ roster: Roster) -> WorkerEvent? {
        withExtendedLifetime(staged) {
            level(from: staged.vectors.map { UnsafePointer($0.pointer) }, staged.numbers, roster)
        }
    }

    /// Puts a staged state into the place of the own one, if it is that of the roster.
    private func level(
        from vectors: [UnsafePointer<Float>], _ numbers: [Double], _ roster: Roster
    ) -> WorkerEvent? {
        guard let job, let state else { return .failed(reason: "a state has come before the job") }
        levelling = nil
        let count = state.layout.count
        let hashes = StateHashes(vectors: vectors, count: count, numbers: numbers, kernels: settings.kernels)
        guard hashes.parameters == roster.stateHash, (roster.wholeHash ?? hashes.whole) == hashes.whole,
            let values = StateNumbers(numbers, job: job),
            let watched = job.watch == nil ? WatchState() : WatchState(numbers: values.watch)
        else {
            let source = roster.holders.isEmpty ? "the coordinator" : roster.holders.joined(separator: ", ")
            return .levellingFailed(
                peer: roster.holders.count == 1 ? roster.holders[0] : nil,
                reason: "what came from \(source) is not \(roster.start) of generation \(roster.generation)")
        }
        if roster.distrusted.contains(core.identity.process), core.point == roster.start,
            let damage = StateDamage.between(state, sound: vectors, step: roster.start.step)
        {
            events.post(.core(.damaged(damage)))
        }
        closeGate()
        for (own, vector) in zip([state.parameters] + state.vectors, vectors) { own.update(from: vector, count: count) }
        self.watched = watched
        settings.logger.info(
            "took \(roster.start) from \(roster.holders.isEmpty ? "the coordinator" : roster.holders.joined(separator: ", "))"
        )
        return .levelled(held(roster.start, hashes, watched, values, job))
    }

    private func fetch(_ want: Want, vectors: Int) {
        fetchCount += 1
        network.fetch(want, vectors: vectors, number: fetchCount)
    }

    private static func pieces(of roster: Roster, _ job: ResolvedJob) -> StatePieces {
        StatePieces(
            roster, vectorCount: 1 + job.vectorNames.count, elementCount: job.plan.layout.count,
            numberCount: StateNumbers.count(of: job))
    }
}
