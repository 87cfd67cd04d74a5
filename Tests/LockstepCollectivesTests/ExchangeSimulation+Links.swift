import LockstepCollectives
import LockstepTestSupport

extension ExchangeSimulation {
    // MARK: Links

    func handOver(_ link: SimulatedLink) throws {
        let member = members[link.from]
        let (header, source) = link.queue.removeFirst()
        var frame = SimulatedLink.Frame(header: header)
        switch source {
        case .root(let root, let range):
            frame.floats = Array(UnsafeBufferPointer(start: member.roots[root] + range.lowerBound, count: range.count))
            if scenario.flaw != .earlySent { member.rails[link.rail].core.didSend(header) }
        case .total(let range):
            frame.floats = Array(UnsafeBufferPointer(start: member.total + range.lowerBound, count: range.count))
        case .record(let payload): frame.record = payload
        }
        var isLost = false
        framesUntilDisturbance -= 1
        if framesUntilDisturbance == 0 {
            coverage.disturbances += 1
            switch scenario.disturbance {
            case .cut:
                // What has come of a frame stays where it was written.
                link.isCut = true
                link.wire = []
                isLost = true
            case .drop: isLost = true
            case .duplicate: link.wire.append(frame)
            case .stale: link.stale = (frame, 1 + random.below(12))
            case nil: break
            }
        }
        if !isLost { link.wire.append(frame) }
        if let (stale, behind) = link.stale {
            link.stale = behind == 0 ? nil : (stale, behind - 1)
            if behind == 0 {
                link.wire.append(stale)
                repeatedFrame = true
            }
        }
        update(link)
        try perform(member, link.rail)
    }

    func deliver(_ link: SimulatedLink) throws {
        let member = members[link.to]
        let state = member.rails[link.rail]
        let frame = link.wire[0]
        if link.destination == nil {
            let destination = try state.core.willReceive(frame.header, from: link.from)
            if case .later = destination {
                coverage.holds += 1
                link.isHeld = true
                return update(link)
            }
            if case .sum = destination { coverage.sums += 1 }
            if state.core.isActive, state.core.turn != Turn(frame.header) { coverage.earlyFrames += 1 }
            link.destination = destination
        }
        guard let destination = link.destination else { return }
        if case .record = destination {
            try state.core.didReceiveRecord(frame.record, frame.header, from: link.from)
            return try end(link, member)
        }
        let count = frame.floats.count
        let piece = random.below(3) == 0 ? 1 + random.below(count - link.copied) : count - link.copied
        let upper = link.copied + piece
        if scenario.flaw == .earlyReduction, link.copied == 0, upper < count, case .staging = destination {
            oracle.write(frame, 0..<upper, destination, member, staging: state.staging)
            try state.core.didReceive(frame.header, from: link.from)
            try perform(member, link.rail)
            oracle.write(frame, upper..<count, destination, member, staging: state.staging)
            return try end(link, member)
        }
        oracle.write(frame, link.copied..<upper, destination, member, staging: state.staging)
        link.copied = upper
        guard upper == count else { return }
        try state.core.didReceive(frame.header, from: link.from)
        try end(link, member)
    }

    private func end(_ link: SimulatedLink, _ member: SimulatedMember) throws {
        link.wire.removeFirst()
        link.destination = nil
        link.copied = 0
        update(link)
        try perform(member, link.rail)
    }
}
