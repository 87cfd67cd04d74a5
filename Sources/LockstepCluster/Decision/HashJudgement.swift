internal import LockstepCore

/// Which hash each state has, by the voices of all that know one; and whose state is not to be trusted.
struct HashJudgement: Sendable {
    private struct Count: Sendable {
        let hash: StateHash
        var sources: [Decision.Voucher.Source]
    }

    /// Of each point that anyone knows a hash of, all voices; in no order that matters.
    private var counts: [StatePoint: [Count]] = [:]
    /// The whole hash that won among the holders of the hash that won.
    private var wholes: [StatePoint: StateHash] = [:]
    /// Processes that hold nothing until they have levelled, in the order of their numbers.
    private(set) var distrusted: [ProcessNumber] = []

    init(
        _ answers: [Decision.Answer], lastRoster: Roster?, vouchers: [Decision.Voucher],
        accused: [ProcessNumber] = []
    ) {
        if let lastRoster {
            distrusted = lastRoster.distrusted.filter { process in
                !answers.contains { $0.process == process && Self.hasLevelled($0, lastRoster) }
            }
        }
        distrusted += accused.filter { !distrusted.contains($0) }
        let holders = answers.filter { !distrusted.contains($0.process) }
        for voucher in vouchers { add(voucher) }
        for answer in answers {
            let source = Decision.Voucher.Source.process(answer.voice)
            if let agreed = answer.frozen.agreed {
                add(Decision.Voucher(point: agreed.point, hash: agreed.hash, source: source))
            }
            for voice in answer.frozen.seen?.voices ?? [] {
                guard let point = answer.frozen.seen?.point else { continue }
                add(Decision.Voucher(point: point, hash: voice.hash, source: .process(voice.process)))
            }
        }
        for answer in holders {
            guard let holding = answer.frozen.holding else { continue }
            add(Decision.Voucher(point: holding.point, hash: holding.hash, source: .process(answer.voice)))
        }
        judgeWholes(holders, lastRoster)
        distrustLosers(answers, holders)
    }

    /// What the process holds, where that is the state that won.
    func trusted(_ answer: Decision.Answer) -> Holding? {
        guard let holding = answer.frozen.holding, !distrusted.contains(answer.process),
            winner(at: holding.point) == holding.hash, wholes[holding.point] == holding.wholeHash
        else { return nil }
        return holding
    }

    /// How many stand for this state's hash.
    func voices(for holding: Holding) -> Int {
        counts[holding.point]?.first { $0.hash == holding.hash }?.sources.count ?? 0
    }

    /// Whether as many voices speak for another state in its place, and none has more.
    func isUndecided(_ holding: Holding) -> Bool {
        guard let winner = winner(at: holding.point) else { return true }
        return winner == holding.hash && wholes[holding.point] == nil
    }

    /// Whether what it holds took the place of the state that this roster distrusts.
    private static func hasLevelled(_ answer: Decision.Answer, _ roster: Roster) -> Bool {
        guard answer.frozen.holding != nil else { return false }
        if let copied = answer.frozen.copied, copied >= roster.generation { return true }
        return answer.running >= roster.generation && roster.members.contains { $0.process == answer.process }
    }

    private mutating func add(_ voucher: Decision.Voucher) {
        var known = counts[voucher.point] ?? []
        if let index = known.firstIndex(where: { $0.hash == voucher.hash }) {
            guard !known[index].sources.contains(voucher.source) else { return }
            known[index].sources.append(voucher.source)
        } else {
            known.append(Count(hash: voucher.hash, sources: [voucher.source]))
        }
        counts[voucher.point] = known
    }

    /// The hash with the most voices; nil where two have as many.
    private func winner(at point: StatePoint) -> StateHash? {
        Self.most(counts[point]?.map { ($0.hash, $0.sources.count) } ?? [])
    }

    private static func most(_ counts: [(hash: StateHash, voices: Int)]) -> StateHash? {
        guard let most = counts.max(by: { $0.voices < $1.voices }) else { return nil }
        return counts.count { $0.voices == most.voices } == 1 ? most.hash : nil
    }

    private mutating func judgeWholes(_ answers: [Decision.Answer], _ lastRoster: Roster?) {
        let holders = answers.filter { answer in
            answer.frozen.holding.map { winner(at: $0.point) == $0.hash } ?? false
        }
        for point in holders.compactMap(\.frozen.holding?.point) where wholes[point] == nil {
            var known: [Count] = []
            func add(_ hash: StateHash, _ source: Decision.Voucher.Source) {
                guard let index = known.firstIndex(where: { $0.hash == hash }) else {
                    return known.append(Count(hash: hash, sources: [source]))
                }
                if !known[index].sources.contains(source) { known[index].sources.append(source) }
            }
            for holder in holders {
                guard let holding = holder.frozen.holding, holding.point == point else { continue }
                add(holding.wholeHash, .process(holder.voice))
            }
            if let lastRoster, lastRoster.start == point, let whole = lastRoster.wholeHash { add(whole, .roster) }
            wholes[point] = Self.most(known.map { ($0.hash, $0.sources.count) })
        }
    }

    private mutating func distrustLosers(_ answers: [Decision.Answer], _ holders: [Decision.Answer]) {
        var losers = holders.filter { $0.frozen.holding != nil && trusted($0) == nil }.map(\.process)
        for seen in answers.compactMap(\.frozen.seen) {
            losers += seen.voices.filter { $0.hash != winner(at: seen.point) }.map(\.process)
        }
        for loser in losers where !distrusted.contains(loser) { distrusted.append(loser) }
        distrusted.sort { $0.rawValue < $1.rawValue }
    }
}
