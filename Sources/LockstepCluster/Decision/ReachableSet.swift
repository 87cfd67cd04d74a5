/// The largest set of candidates that can all reach each other.
enum ReachableSet {
    /// Broken pairs come in few patterns; what would take longer than this is decided by the best set so far.
    private static let mostSteps = 4_000

    private struct Search {
        let candidates: [Decision.Answer]
        let isNeeded: (Decision.Answer) -> Bool
        let voices: (Decision.Answer) -> Int
        /// Of each candidate, those that are out of its reach.
        let conflicts: [[Int]]
        var steps = 0
        var best: [Decision.Answer]?
    }

    /// Neither could not dial the other. Everybody reaches itself, whatever it says.
    static func canReach(_ one: Decision.Answer, _ other: Decision.Answer) -> Bool {
        func hasFailed(_ one: Decision.Answer, _ other: Decision.Answer) -> Bool {
            one.frozen.outOfReach.contains(other.name) || one.unreachable.contains(other.process)
        }
        return one.name == other.name || !hasFailed(one, other) && !hasFailed(other, one)
    }

    /// - Parameters:
    ///   - laneCount: the most members.
    ///   - isNeeded: one of these must be among them.
    ///   - voices: how many stand for what it holds.
    /// - Returns: the set, and those left out because of a broken pair; nil where there is no such set.
    static func members(
        of candidates: [Decision.Answer], laneCount: Int, voices: @escaping (Decision.Answer) -> Int = { _ in 2 },
        needing isNeeded: @escaping (Decision.Answer) -> Bool
    ) -> (kept: [Decision.Answer], left: [Decision.Answer])? {
        guard candidates.contains(where: isNeeded) else { return nil }
        var search = Search(
            candidates: candidates, isNeeded: isNeeded, voices: voices,
            conflicts: candidates.map { one in candidates.indices.filter { !canReach(one, candidates[$0]) } })
        extend(Array(repeating: true, count: candidates.count), &search)
        guard let best = search.best else { return nil }
        let left = candidates.filter { candidate in !best.contains { $0.name == candidate.name } }
        return (cut(best, to: laneCount, isNeeded), left)
    }

    /// Takes out one end of a broken pair after the other, in all orders that may lead to a better set.
    ///
    /// - Parameter isIn: for each candidate whether it is still in the set.
    private static func extend(_ isIn: [Bool], _ search: inout Search) {
        search.steps += 1
        let set = isIn.indices.filter { isIn[$0] }
        if let best = search.best, set.count < best.count || search.steps > mostSteps { return }
        let worst = set.map { index in (index, count: search.conflicts[index].count { isIn[$0] }) }
            .max { $0.count < $1.count }
        guard let worst, worst.count > 0 else {
            let found = set.map { search.candidates[$0] }
            guard found.contains(where: search.isNeeded) else { return }
            if search.best.map({ isBetter(found, than: $0, search) }) ?? true { search.best = found }
            return
        }
        var without = isIn
        without[worst.0] = false
        extend(without, &search)
        var alone = isIn
        for index in search.conflicts[worst.0] { alone[index] = false }
        extend(alone, &search)
    }

    /// Larger, then with the newer state, then with those that have been longest.
    private static func isBetter(
        _ set: [Decision.Answer], than other: [Decision.Answer], _ search: Search
    ) -> Bool {
        if set.count != other.count { return set.count > other.count }
        // A lone worker may have been damaged after it went ahead; of the state before, several know what it must be.
        func newest(_ set: [Decision.Answer]) -> (worth: Int, point: StatePoint)? {
            set.filter(search.isNeeded).compactMap { answer in
                answer.frozen.holding.map { (2 * Int($0.point.step) - (search.voices(answer) > 1 ? 0 : 3), $0.point) }
            }.max { $0 < $1 }
        }
        if let one = newest(set), let two = newest(other), one != two { return one > two }
        return set.map(\.seniority).sorted().lexicographicallyPrecedes(other.map(\.seniority).sorted())
    }

    /// As many as there are lanes: those that have been longest, and one that is needed.
    private static func cut(
        _ set: [Decision.Answer], to count: Int, _ isNeeded: (Decision.Answer) -> Bool
    ) -> [Decision.Answer] {
        guard set.count > count else { return set }
        let ordered = set.enumerated().sorted { ($0.element.seniority, $0.offset) < ($1.element.seniority, $1.offset) }
            .map(\.element)
        var kept = Array(ordered.prefix(count))
        let newest = set.filter(isNeeded).max { one, other in
            (one.frozen.holding?.point ?? StatePoint(step: 0)) < (other.frozen.holding?.point ?? StatePoint(step: 0))
        }
        if let newest, !kept.contains(where: isNeeded) { kept[count - 1] = newest }
        return kept
    }
}
