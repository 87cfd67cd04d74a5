internal import LockstepCore

/// The state on its way to the disk: while a generation works, and at its end.
extension CoordinatorCore {
    /// Whose shares of S(`step`) may come now, in roster order; nil where frames of it are to be dropped unread.
    ///
    /// In mid-run workers send them unasked. A share that is late, of a step that was never due or of one that was given
    /// up, is no fault.
    package func expectedShares(ofStep step: UInt32) -> [CoordinatorAction.StateShare]? {
        switch mode {
        case .collecting(step, _): collection
        case .running, .planned, .freezing, .paused, .collecting: snapshots.expects(step) ? shares : nil
        case .gathering, .recovering, .measuring, .writing, .ended: nil
        }
    }

    /// How the members share a state.
    var shares: [CoordinatorAction.StateShare] {
        let members = roster?.members ?? []
        return members.enumerated().map { index, member in
            CoordinatorAction.StateShare(name: member.name, index: index, count: members.count)
        }
    }

    mutating func handleCollected(_ step: UInt32) -> [CoordinatorAction] {
        guard case .collecting(step, let hash) = mode else {
            return expectedShares(ofStep: step) == nil ? [.dropState(step: step)] : snapshots.collect(step)
        }
        mode = .writing(step: step, hash: hash)
        // The state is here; whom we lose now is not missed.
        evidence = nil
        judgeAt = nil
        stopAt = nil
        return snapshots.close(at: step, keepsAll: stopReason == nil && lateStopReason == nil) + writeLast()
    }

    /// The snapshot of the end comes after all others.
    private mutating func writeLast() -> [CoordinatorAction] {
        guard case .writing(let step, let hash) = mode, snapshots.isIdle, !isWritingLast else { return [] }
        isWritingLast = true
        return [.writeSnapshot(step: step, hash: hash, isBest: endsWithBest)]
    }

    private static let mostFruitlessCollections = 4

    mutating func handleInvalid(_ step: UInt32, _ reason: String, _ now: UInt64) -> [CoordinatorAction] {
        switch mode {
        case .collecting(step, _), .writing(step, _):
            let verdict = Verdict(
                stage: .snapshot, step: step, cause: reason,
                message: "the state after step \(step) that the workers sent is not the one they agreed on: \(reason)")
            // One of them may have been damaged since; in a freeze they hash it again. Or what they sent in mid-run, cut
            // for other members, was on its way still. Time after time it is something else.
            fruitlessCollections += 1
            guard fruitlessCollections < Self.mostFruitlessCollections else { return conclude(verdict) }
            mode = .running
            isWritingLast = false
            note(verdict, now)
            return [.dropState(step: step)] + freezeAnew(now)
        case .ended, .gathering, .recovering, .measuring: return []
        default: return snapshots.invalidate(step, reason) + writeLast()
        }
    }

    mutating func handleWritten(_ step: UInt32, _ digest: Digest) -> [CoordinatorAction] {
        if case .writing(step, let hash) = mode, isWritingLast {
            journal.append(.snapshot(step: step, hash: hash, digest: digest))
            remember(step, hash)
            // A run that was stopped goes on some day.
            if stopReason == nil { journal.append(.final(step: step, hash: hash)) }
            return finish(snapshotStep: step, hash: hash)
        }
        guard let (state, actions) = snapshots.finishWriting(step) else { return [] }
        journal.append(.snapshot(step: step, hash: state.hash, digest: digest))
        remember(step, state.hash)
        // After the end it is only put on record.
        return mode == .ended ? [] : actions + writeLast()
    }

    mutating func handleWriteFailed(_ step: UInt32, _ reason: String) -> [CoordinatorAction] {
        if case .writing(step, _) = mode, isWritingLast {
            return fail(
                Verdict(
                    stage: .snapshot, step: step, cause: reason,
                    message: "the snapshot of step \(step) could not be written: \(reason)"))
        }
        return mode == .ended ? [] : snapshots.failWriting(step, reason) + writeLast()
    }
}
