extension Exchange {
    // MARK: Frames

    /// Checks a header before a byte of its payload is taken, and says where the payload goes.
    package mutating func willReceive(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        guard pending.indices.contains(member), member != plan.ownIndex else {
            throw ExchangeFault(member, "is no peer of this worker")
        }
        guard pending[member] == nil else { throw ExchangeFault(member, "began a frame inside another") }
        let destination = try place(of: header, from: member)
        switch destination {
        case .later: break
        case .sum: pending[member] = Pending(header: header, isSum: true)
        case .staging, .total, .record: pending[member] = Pending(header: header, isSum: false)
        }
        return destination
    }

    /// The whole payload of a contribution or a total is in its place.
    package mutating func didReceive(_ header: FrameHeader, from member: Int) throws(ExchangeFault) {
        let frame = try complete(header, from: member)
        let bucket = Int(header.bucket)
        let length = Int(header.length)
        switch header.kind {
        case .contribution:
            let chunk = plan.chunks(of: bucket).lowerBound + Int(header.offset) / plan.settings.chunkBytes
            // The place was checked when the frame began; a turn that ended since made the next one current.
            guard isCurrent(header), let turn else {
                early.addContribution(length, bucket: bucket, part: Int(header.part), chunk: chunk, of: member)
                return
            }
            now.addContribution(length, bucket: bucket, part: Int(header.part), chunk: chunk, of: member)
            if frame.isSum {
                didSum(bucket, isTotal: false)
            } else if isActive, now.isReady[bucket], now.hasAllParts(chunk) {
                reduce(chunk, of: bucket, turn)
            }
        case .total: now.addTotal(length, bucket: bucket, of: member)
        default: throw ExchangeFault(member, "sent a \(header.kind) where gradients belong")
        }
        finishIfComplete(bucket)
    }

    /// The whole payload of a control record is there.
    package mutating func didReceiveRecord(
        _ payload: [UInt8], _ header: FrameHeader, from member: Int
    ) throws(ExchangeFault) {
        _ = try complete(header, from: member)
        guard header.kind == .record else {
            throw ExchangeFault(member, "sent a \(header.kind) where a control record belongs")
        }
        let record = try ControlRecord(decoding: payload, from: member, by: plan)
        guard isCurrent(header) else { return early.addRecord(record, of: member) }
        now.addRecord(record, of: member)
        finishIfComplete()
    }

    // MARK: Places

    private func isCurrent(_ header: FrameHeader) -> Bool {
        turn.map { $0.step == header.step && $0.phase.rawValue == header.phase } ?? false
    }

    private mutating func place(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        guard header.generation == generation else {
            throw fault(header, member, "of generation \(header.generation) in generation \(generation)")
        }
        guard isCurrent(header) else { return try earlyPlace(of: header, from: member) }
        switch header.kind {
        case .contribution:
            let bucket = try contributedBucket(of: header, from: member)
            let received = now.contributedBytes(bucket: bucket, part: Int(header.part))
            let offset = try offset(of: header, from: member, behind: received, of: plan.ownRange(of: bucket))
            guard plan.isPair, isActive, now.isReady[bucket] else {
                return .staging(floatOffset: plan.stagingOffset(bucket: bucket, part: Int(header.part)) + offset)
            }
            let lower = plan.buckets.ranges[bucket].lowerBound + offset
            return .sum(rootIndex: 0, range: lower..<lower + Int(header.length) / 4)
        case .total: return try totalPlace(of: header, from: member)
        case .record: return try recordPlace(of: header, from: member, isFirst: now.records[member] == nil)
        default: throw ExchangeFault(member, "sent a \(header.kind) frame on a data link")
        }
    }

    /// The place of a frame of the next turn, which comes while this one goes on.
    private mutating func earlyPlace(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        guard let frameTurn = Turn(header) else { throw ExchangeFault(member, "named unknown phase \(header.phase)") }
        guard isActive, frameTurn == next else {
            // Members go from trial to trial in one generation; the next one's exchange is not made here yet.
            if turn == nil, schedule.trialRounds != nil, frameTurn.phase == .trial { return .later }
            throw fault(header, member, "of \(frameTurn) while this worker is in \(turn?.description ?? "no turn")")
        }
        guard now.outstanding[member] == 0, now.isSent, plan.rail > 0 || now.records[plan.ownIndex] != nil else {
            throw fault(header, member, "of \(frameTurn) before the turn ahead of it was complete")
        }
        switch header.kind {
        case .contribution:
            let bucket = try contributedBucket(of: header, from: member)
            let received = early.contributedBytes(bucket: bucket, part: Int(header.part))
            let offset = try offset(of: header, from: member, behind: received, of: plan.ownRange(of: bucket))
            guard now.isSummed(bucket) else {
                if held[member] == nil { heldCount += 1 }
                held[member] = bucket
                return .later
            }
            return .staging(floatOffset: plan.stagingOffset(bucket: bucket, part: Int(header.part)) + offset)
        case .total:
            throw fault(header, member, "that lacks this worker's contribution")
        case .record: return try recordPlace(of: header, from: member, isFirst: early.records[member] == nil)
        default: throw ExchangeFault(member, "sent a \(header.kind) frame on a data link")
        }
    }

    private func recordPlace(
        of header: FrameHeader, from member: Int, isFirst: Bool
    ) throws(ExchangeFault) -> Destination {
        guard plan.rail == 0 else { throw ExchangeFault(member, "sent a control record on rail \(plan.rail)") }
        guard isFirst else {
            throw ExchangeFault(
                member, "sent a second control record for \(Turn(header)?.description ?? "an unknown turn")")
        }
        let expected = plan.recordBytes(of: member)
        guard header.bucket == 0, header.part == 0, header.offset == 0, Int(header.length) == expected else {
            throw ExchangeFault(member, "sent a control record of \(header.length) bytes instead of \(expected)")
        }
        return .record
    }

    /// The bucket of a contribution of a part that `member` owns.
    private func contributedBucket(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Int {
        let bucket = try bucket(of: header, from: member)
        guard plan.partNumbers[member].contains(Int(header.part)) else {
            throw fault(header, member, "that it does not own")
        }
        return bucket
    }

    private func totalPlace(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Destination {
        let bucket = try bucket(of: header, from: member)
        guard header.part == 0 else {
            throw fault(header, member, "of a part, which totals do not have")
        }
        guard isActive, now.isReady[bucket] else {
            throw fault(header, member, "that lacks this worker's contribution")
        }
        let slice = plan.slice(of: bucket, member: member)
        let received = now.totalBytes(bucket: bucket, member: member)
        let offset = try offset(of: header, from: member, behind: received, of: slice)
        return .total(floatOffset: slice.lowerBound + offset)
    }

    private func bucket(of header: FrameHeader, from member: Int) throws(ExchangeFault) -> Int {
        guard Turn(header)?.hasGradients ?? false else {
            throw fault(header, member, "with gradients for \(Turn(header)?.description ?? "an unknown turn")")
        }
        guard header.bucket < plan.buckets.count else {
            throw fault(header, member, "behind the last bucket, \(plan.buckets.count - 1)")
        }
        return Int(header.bucket)
    }

    /// The place of a frame in `range`, in floats from its beginning. Chunks come in order and have one possible length
    /// each, so what came so far says what must come next.
    ///
    /// - Parameter received: bytes.
    private func offset(
        of header: FrameHeader, from member: Int, behind received: Int, of range: Range<Int>
    ) throws(ExchangeFault) -> Int {
        let byteCount = 4 * range.count
        guard received < byteCount else { throw fault(header, member, "beyond its \(byteCount) bytes") }
        guard header.offset == UInt64(received) else {
            throw fault(header, member, "from byte \(header.offset) instead of \(received)")
        }
        let expected = min(plan.settings.chunkBytes, byteCount - received)
        guard Int(header.length) == expected else {
            throw fault(header, member, "of \(header.length) bytes instead of \(expected)")
        }
        return received / 4
    }

    /// Ends the frame that `member` had begun.
    private mutating func complete(_ header: FrameHeader, from member: Int) throws(ExchangeFault) -> Pending {
        guard pending.indices.contains(member), let frame = pending[member], frame.header == header else {
            throw ExchangeFault(member, "ended a frame that it had not begun")
        }
        pending[member] = nil
        return frame
    }

    /// - Parameter reason: continues a sentence that begins with the kind of the frame, its bucket and part.
    private func fault(_ header: FrameHeader, _ member: Int, _ reason: String) -> ExchangeFault {
        let isGradient = header.kind == .contribution || header.kind == .total
        let name = isGradient ? "\(header.kind) (bucket \(header.bucket), part \(header.part))" : "\(header.kind)"
        return ExchangeFault(member, "sent a \(name) \(reason)")
    }
}
