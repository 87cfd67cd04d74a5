package import LockstepCore

/// What a worker tells every other in each turn: a fixed-size binary payload. Turn and generation stand in the frame.
///
/// Little-endian: state hash (u64 high, u64 low), sample hash u64, asked generation u32, first non-finite lane u32
/// (0xFFFFFFFF: none), first lane u16, lanes u16, roots u16, sums u16, hash of the audited lane u64 by its owner and u64 by
/// its auditor, then roots × sums Float64, root by root.
package struct ControlRecord: Sendable, Equatable {
    /// The sender's lanes.
    package var lanes: Range<Int>
    /// Float64 sums (loss, weight, then metrics) of each root of the sender in lane order, root by root.
    package var sums: [Double]
    /// Over the numbers of the samples that the lanes used.
    package var sampleHash: UInt64
    /// The first of the sender's lanes whose loss is not finite.
    package var firstNonFiniteLane: Int?
    /// The hash of the state that the turn computed with.
    package var stateHash: StateHash
    /// The generation that the sender asks to freeze for, 0 for none.
    package var askedGeneration: UInt32
    /// Where the turn's audited lane is the sender's: the hash of what went into the sums; else 0.
    package var ownLaneHash: UInt64
    /// Where the sender has computed the audited lane a second time: the hash of that; else 0.
    package var auditHash: UInt64

    package init(
        lanes: Range<Int>, sums: [Double], sampleHash: UInt64, firstNonFiniteLane: Int? = nil, stateHash: StateHash,
        askedGeneration: UInt32 = 0, ownLaneHash: UInt64 = 0, auditHash: UInt64 = 0
    ) {
        self.lanes = lanes
        self.sums = sums
        self.sampleHash = sampleHash
        self.firstNonFiniteLane = firstNonFiniteLane
        self.stateHash = stateHash
        self.askedGeneration = askedGeneration
        self.ownLaneHash = ownLaneHash
        self.auditHash = auditHash
    }

    private static let fixedBytes = 56
    private static let noLane = UInt32.max

    static func byteCount(rootCount: Int, sumCount: Int) -> Int { fixedBytes + 8 * rootCount * sumCount }

    /// The payload of the record that `plan`'s own worker sends.
    ///
    /// - Precondition: lanes and sums are those of the plan's own worker.
    package func encoded(by plan: ExchangePlan) -> [UInt8] {
        let rootCount = plan.partNumbers[plan.ownIndex].count
        precondition(lanes == plan.lanes[plan.ownIndex], "a worker records its own lanes")
        precondition(sums.count == rootCount * plan.sumCount, "a record holds the sums of every own root")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ControlRecord.byteCount(rootCount: rootCount, sumCount: plan.sumCount))
        func append<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(stateHash.high)
        append(stateHash.low)
        append(sampleHash)
        append(askedGeneration)
        append(firstNonFiniteLane.map { UInt32($0) } ?? ControlRecord.noLane)
        append(UInt16(lanes.lowerBound))
        append(UInt16(lanes.count))
        append(UInt16(rootCount))
        append(UInt16(plan.sumCount))
        append(ownLaneHash)
        append(auditHash)
        for sum in sums { append(sum.bitPattern) }
        return bytes
    }

    /// Reads the record of `member` and checks it against what `plan` knows of that member.
    package init(decoding bytes: [UInt8], from member: Int, by plan: ExchangePlan) throws(ExchangeFault) {
        let rootCount = plan.partNumbers[member].count
        guard bytes.count == plan.recordBytes(of: member) else {
            throw ExchangeFault(
                member, "sent a control record of \(bytes.count) bytes instead of \(plan.recordBytes(of: member))")
        }
        func load<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
            bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
        }
        let lower = Int(load(UInt16.self, at: 32))
        let lanes = lower..<(lower + Int(load(UInt16.self, at: 34)))
        guard lanes == plan.lanes[member] else {
            throw ExchangeFault(member, "recorded lanes \(lanes) but owns \(plan.lanes[member])")
        }
        guard Int(load(UInt16.self, at: 36)) == rootCount, Int(load(UInt16.self, at: 38)) == plan.sumCount else {
            throw ExchangeFault(member, "sent a control record with another number of sums")
        }
        let lane = load(UInt32.self, at: 28)
        guard lane == ControlRecord.noLane || lanes.contains(Int(lane)) else {
            throw ExchangeFault(member, "recorded a loss of lane \(lane), which it does not own")
        }
        self.lanes = lanes
        firstNonFiniteLane = lane == ControlRecord.noLane ? nil : Int(lane)
        stateHash = StateHash(high: load(UInt64.self, at: 0), low: load(UInt64.self, at: 8))
        sampleHash = load(UInt64.self, at: 16)
        askedGeneration = load(UInt32.self, at: 24)
        ownLaneHash = load(UInt64.self, at: 40)
        auditHash = load(UInt64.self, at: 48)
        sums = (0..<(rootCount * plan.sumCount)).map {
            Double(bitPattern: load(UInt64.self, at: ControlRecord.fixedBytes + 8 * $0))
        }
    }
}
