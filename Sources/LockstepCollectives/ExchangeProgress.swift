/// What has come and gone in one turn of an exchange. Its size is fixed by the plan.
struct ExchangeProgress: Sendable {
    /// Bytes received of each part's contribution to what is summed here, by bucket and part.
    private var contributed: [Int]
    /// Bytes received of each member's total, by bucket and member.
    private var totals: [Int]
    /// Parts of other members that a chunk still lacks.
    private var missingParts: [Int]
    /// Chunks of a bucket that are not summed here yet.
    private var unsummed: [Int]
    /// What a bucket lacks: chunks to sum, bytes of totals, and one until the own gradients are complete.
    private var lacking: [Int]
    /// The own gradients of the bucket are complete and sent.
    private(set) var isReady: [Bool]
    private(set) var records: [ControlRecord?]
    /// What each member still has to send: bytes of gradients, and one for its record.
    private(set) var outstanding: [Int]

    /// Buckets with a piece here whose own gradients are not complete.
    private(set) var unready = 0
    /// Chunks that are not summed yet, and those of them that are totals for others.
    private var unsummedChunks = 0
    private var unsummedTotals = 0
    /// Members with something outstanding; the own record counts too.
    private var unfinishedMembers = 0
    /// Contributions that are still to be read from the own roots.
    private var unsent = 0

    private let partCount: Int
    private let memberCount: Int

    init(_ plan: ExchangePlan, turn: Turn?) {
        partCount = plan.parts.count
        memberCount = plan.memberCount
        contributed = [Int](repeating: 0, count: plan.buckets.count * partCount)
        totals = [Int](repeating: 0, count: plan.buckets.count * memberCount)
        missingParts = [Int](repeating: 0, count: plan.chunkCount)
        unsummed = [Int](repeating: 0, count: plan.buckets.count)
        lacking = unsummed
        isReady = [Bool](repeating: false, count: plan.buckets.count)
        records = [ControlRecord?](repeating: nil, count: memberCount)
        outstanding = [Int](repeating: 0, count: memberCount)
        reset(plan, turn: turn)
    }

    /// Makes this the progress of a turn of which nothing has come.
    mutating func reset(_ plan: ExchangePlan, turn: Turn?) {
        let hasGradients = turn?.hasGradients ?? false
        unready = 0
        unsummedChunks = 0
        unsummedTotals = 0
        unfinishedMembers = 0
        unsent = 0
        for index in contributed.indices { contributed[index] = 0 }
        for index in totals.indices { totals[index] = 0 }
        for index in missingParts.indices { missingParts[index] = plan.foreignPartCount }
        for bucket in isReady.indices {
            // An empty piece is nobody's concern, and a turn without gradients has no bucket to wait for.
            let isDue = hasGradients && !plan.buckets.ranges[bucket].isEmpty
            let chunks = isDue ? plan.chunks(of: bucket).count : 0
            isReady[bucket] = !isDue
            unsummed[bucket] = chunks
            lacking[bucket] = isDue ? chunks + plan.incomingTotalBytes(of: bucket) + 1 : 0
            unsummedChunks += chunks
            if isDue { unready += 1 }
            if !plan.isOneHop(bucket) { unsummedTotals += chunks }
        }
        for member in outstanding.indices {
            records[member] = nil
            outstanding[member] = (hasGradients ? plan.incomingBytes[member] : 0) + (plan.rail == 0 ? 1 : 0)
            if outstanding[member] > 0 { unfinishedMembers += 1 }
        }
    }

    // MARK: What the turn still needs

    var isComplete: Bool { unready == 0 && unsummedChunks == 0 && unfinishedMembers == 0 && unsent == 0 }

    /// Whether others have, or will have without anything more from them, all that they need of this worker.
    var isSent: Bool { unready == 0 && unsummedTotals == 0 }

    /// Whether every chunk of a bucket that is summed here is summed.
    func isSummed(_ bucket: Int) -> Bool { unsummed[bucket] == 0 }

    /// Whether the whole total of a bucket is here.
    func isFinished(_ bucket: Int) -> Bool { lacking[bucket] == 0 }

    /// Whether a chunk lacks nothing but the own roots.
    func hasAllParts(_ chunk: Int) -> Bool { missingParts[chunk] == 0 }

    func contributedBytes(bucket: Int, part: Int) -> Int { contributed[bucket * partCount + part] }

    func totalBytes(bucket: Int, member: Int) -> Int { totals[bucket * memberCount + member] }

    // MARK: What comes and goes

    mutating func setReady(_ bucket: Int) {
        isReady[bucket] = true
        lacking[bucket] -= 1
        unready -= 1
    }

    mutating func addRecord(_ record: ControlRecord, of member: Int) {
        records[member] = record
        take(1, of: member)
    }

    /// - Parameter chunk: its number; one more part of it is there.
    mutating func addContribution(_ bytes: Int, bucket: Int, part: Int, chunk: Int, of member: Int) {
        contributed[bucket * partCount + part] += bytes
        missingParts[chunk] -= 1
        take(bytes, of: member)
    }

    mutating func addTotal(_ bytes: Int, bucket: Int, of member: Int) {
        totals[bucket * memberCount + member] += bytes
        lacking[bucket] -= bytes
        take(bytes, of: member)
    }

    mutating func addSum(_ bucket: Int, isTotal: Bool) {
        unsummed[bucket] -= 1
        lacking[bucket] -= 1
        unsummedChunks -= 1
        if isTotal { unsummedTotals -= 1 }
    }

    mutating func addSending() { unsent += 1 }

    mutating func addSent() { unsent -= 1 }

    private mutating func take(_ amount: Int, of member: Int) {
        outstanding[member] -= amount
        if outstanding[member] == 0 { unfinishedMembers -= 1 }
    }
}
