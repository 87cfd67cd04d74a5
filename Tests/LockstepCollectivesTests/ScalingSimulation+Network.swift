import LockstepCollectives
import LockstepTestSupport

/// What interfaces and the switch carry.
extension ScalingSimulation {
    mutating func giveToInterface(_ loop: Int, _ peer: Int, _ bytes: Int) {
        let worker = loop / settings.links
        let flow = loop % settings.links * workers + peer
        if flows[worker][flow] == 0 { interfaces[worker].flows.append(flow) }
        flows[worker][flow] += bytes
        sendNext(worker)
    }

    private func ticks(ofBytes bytes: Int, at rate: Double) -> UInt64 {
        ScalingSimulation.ticks(Double(flaw == .halfTheBytes ? bytes / 2 : bytes) / rate)
    }

    private mutating func sendNext(_ worker: Int) {
        guard !interfaces[worker].isSending, let flow = interfaces[worker].flows.popFirst() else { return }
        interfaces[worker].isSending = true
        let bytes = min(model.turnBytes, flows[worker][flow])
        events.add(
            .leftInterface(worker: worker, flow: flow, bytes: bytes),
            at: now + ticks(ofBytes: bytes, at: model.bandwidth))
    }

    mutating func left(_ worker: Int, _ flow: Int, _ bytes: Int) {
        flows[worker][flow] -= bytes
        if flows[worker][flow] > 0 { interfaces[worker].flows.append(flow) }
        interfaces[worker].isSending = false
        sendNext(worker)
        let (rail, peer) = flow.quotientAndRemainder(dividingBy: workers)
        let loop = worker * settings.links + rail
        links[loop * workers + peer].unsent -= bytes
        flushIfPossible(loop, peer)
        // The switch passes on while it still receives: who comes to a free one loses no time there.
        if flaw != .boundlessSwitch {
            switchUntil = max(now, switchUntil + ticks(ofBytes: bytes, at: model.switchBandwidth))
        }
        let latency = flaw == .noLatency ? 0 : ScalingSimulation.ticks(model.latency)
        events.add(
            .reachedInterface(from: worker, flow: flow, bytes: bytes), at: max(now, switchUntil) + latency)
    }

    mutating func reached(_ worker: Int, _ flow: Int, _ bytes: Int) {
        let peer = flow % workers
        let time = max(now, interfaces[peer].receivingUntil + ticks(ofBytes: bytes, at: model.bandwidth))
        interfaces[peer].receivingUntil = time
        if time == now {
            arrived(worker, flow, bytes)
        } else {
            events.add(.arrived(from: worker, flow: flow, bytes: bytes), at: time)
        }
    }

    mutating func arrived(_ worker: Int, _ flow: Int, _ bytes: Int) {
        let (rail, peer) = flow.quotientAndRemainder(dividingBy: workers)
        links[(worker * settings.links + rail) * workers + peer].arrived += bytes
        readIfPossible(peer * settings.links + rail, worker)
    }
}
