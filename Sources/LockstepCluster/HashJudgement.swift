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
        for process in lastRoster?.distrusted ?? [] {
            let hasLevelled = answers.contains { answer in
                answer.process == process && answer.frozen.holding != nil
                    && lastRoster.map { Self.hasBegun(answer, $0) } == true
            }
            if !hasLevelled { distrusted.append(process) }
        }
        distrusted += accused.filter { !distrusted.contains($0) }
        let holders = answers.filter { !distrusted.contains($0.process) }
        for voucher in vouchers { add(voucher) }
        for answer in answers {
            let source = Decision.Voucher.Source.process(answer.process)
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
            add(Decision.Voucher(point: holding.point, hash: holding.hash, source: .process(answer.process)))
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

    private static func hasBegun(_ answer: Decision.Answer, _ roster: Roster) -> Bool {
        answer.running >= roster.generation && roster.members.contains { $0.process == answer.process }
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

    private mutating func judgeWholes(_ holders: [Decision.Answer], _ lastRoster: Roster?) {
        let held = holders.compactMap(\.frozen.holding).filter { winner(at: $0.point) == $0.hash }
        for point in held.map(\.point) where wholes[point] == nil {
            var voices: [(hash: StateHash, voices: Int)] = []
            func add(_ hash: StateHash) {
                if let index = voices.firstIndex(where: { $0.hash == hash }) {
                    voices[index].voices += 1
                } else {
                    voices.append((hash, 1))
                }
            }
            for holding in held where holding.point == point { add(holding.wholeHash) }
            if let lastRoster, lastRoster.start == point, let whole = lastRoster.wholeHash { add(whole) }
            wholes[point] = Self.most(voices)
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
