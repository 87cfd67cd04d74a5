import LockstepCollectives
import LockstepTestSupport

/// What loops do, and what it costs them.
extension ScalingSimulation {
    mutating func enqueue(_ task: Task, of loop: Int) {
        let core = loops[loop].core
        cores[core].tasks.append((loop, task))
        startNext(on: core)
    }

    mutating func startNext(on core: Int) {
        guard !cores[core].isBusy, let (loop, task) = cores[core].tasks.popFirst() else { return }
        cores[core].isBusy = true
        var seconds = cores[core].debt
        cores[core].debt = 0
        let done: Done
        switch task {
        case .begin, .bucket, .record: done = .call(task)
        case .flush(let peer):
            let link = links[index(loop, peer)]
            // All that is queued, up to the flush's size: frames behind one another leave together.
            let bytes = min(model.flushBytes, queuedBytes(link, atMost: model.flushBytes))
            seconds += model.flush + Double(bytes) * model.sentByte
            done = .flushed(peer: peer, bytes: bytes)
        case .read(let peer):
            let bytes = min(model.readBytes, links[incoming(loop, peer)].arrived)
            if flaw != .freeReads { seconds += model.read + Double(bytes) * model.receivedByte }
            done = .wasRead(peer: peer, bytes: bytes)
        }
        events.add(.coreFree(core: core, loop: loop, done), at: now + ScalingSimulation.ticks(seconds))
    }

    mutating func finish(_ done: Done, of loop: Int) throws {
        switch done {
        case .call(.begin(let turn)): loops[loop].exchange.begin(turn)
        case .call(.bucket(let bucket)): loops[loop].exchange.bucketReady(bucket)
        case .call: loops[loop].exchange.recordReady(record(of: loop))
        case .flushed(let peer, let bytes): flushed(loop, peer, bytes)
        case .wasRead(let peer, let bytes): try wasRead(loop, peer, bytes)
        }
        carryOut(loop)
    }

    private func index(_ loop: Int, _ peer: Int) -> Int { loop * workers + peer }

    /// The link on which `peer` sends to a loop.
    private func incoming(_ loop: Int, _ peer: Int) -> Int {
        let rail = loop % settings.links
        return index(peer * settings.links + rail, loop / settings.links)
    }

    private func queuedBytes(_ link: ScalingLink, atMost limit: Int) -> Int {
        var bytes = -link.flushedOfFirst
        link.queued.forEach { frame in
            bytes += frame.byteCount
            return bytes < limit
        }
        return bytes
    }

    private mutating func carryOut(_ loop: Int) {
        let core = loops[loop].core
        while let action = loops[loop].exchange.nextAction() {
            switch action {
            case .send(let peer, let header, let source):
                var payload: [UInt8] = []
                if case .record(let bytes) = source { payload = bytes }
                links[index(loop, peer)].queued.append(ScalingLink.Frame(header: header, payload: payload))
                flushIfPossible(loop, peer)
            case .reduce(let reduction):
                let bytes = 4 * reduction.range.count * reduction.additions.count
                cores[core].debt += Double(bytes) * model.addedByte
            case .resume(let peer):
                links[incoming(loop, peer)].isHeld = false
                readIfPossible(loop, peer)
            case .finished:
                let time = now + ScalingSimulation.ticks(cores[core].debt)
                events.add(.finished(worker: loop / settings.links), at: time)
            case .bucketFinished: break
            }
        }
    }

    func canFlush(_ link: ScalingLink) -> Bool {
        !link.isFlushing && !link.queued.isEmpty && link.unsent < model.window
    }

    mutating func flushIfPossible(_ loop: Int, _ peer: Int) {
        guard canFlush(links[index(loop, peer)]) else { return }
        links[index(loop, peer)].isFlushing = true
        enqueue(.flush(peer: peer), of: loop)
    }

    private mutating func flushed(_ loop: Int, _ peer: Int, _ bytes: Int) {
        let index = index(loop, peer)
        links[index].isFlushing = false
        links[index].unsent += bytes
        var left = bytes
        while left > 0, let frame = links[index].queued.first {
            if links[index].flushedOfFirst == 0 { links[index].onTheWay.append(frame) }
            let taken = min(left, frame.byteCount - links[index].flushedOfFirst)
            left -= taken
            links[index].flushedOfFirst += taken
            guard links[index].flushedOfFirst == frame.byteCount else { break }
            _ = links[index].queued.popFirst()
            links[index].flushedOfFirst = 0
            loops[loop].exchange.didSend(frame.header)
        }
        giveToInterface(loop, peer, bytes)
        flushIfPossible(loop, peer)
    }

    mutating func readIfPossible(_ loop: Int, _ peer: Int) {
        let link = links[incoming(loop, peer)]
        guard !link.isReading, !link.isHeld, link.arrived > 0 else { return }
        links[incoming(loop, peer)].isReading = true
        enqueue(.read(peer: peer), of: loop)
    }

    private mutating func wasRead(_ loop: Int, _ peer: Int, _ bytes: Int) throws {
        let index = incoming(loop, peer)
        let core = loops[loop].core
        links[index].isReading = false
        var left = bytes
        while let frame = links[index].onTheWay.first {
            let header = frame.header
            if links[index].readOfFirst < FrameHeader.byteCount {
                let missing = FrameHeader.byteCount - links[index].readOfFirst
                guard left >= missing else { break }
                let destination = try loops[loop].exchange.willReceive(header, from: peer)
                if case .later = destination {
                    links[index].isHeld = true
                    break
                }
                if case .sum = destination { cores[core].debt += Double(header.length) * model.addedByte }
                links[index].readOfFirst += missing
                left -= missing
            }
            let taken = min(left, frame.byteCount - links[index].readOfFirst)
            links[index].readOfFirst += taken
            left -= taken
            guard links[index].readOfFirst == frame.byteCount else { break }
            links[index].readOfFirst = 0
            _ = links[index].onTheWay.popFirst()
            if header.kind == .record {
                try loops[loop].exchange.didReceiveRecord(frame.payload, header, from: peer)
            } else {
                try loops[loop].exchange.didReceive(header, from: peer)
            }
        }
        links[index].arrived -= bytes - left
        // The rest of a header is waited for.
        let isHeaderMissing = left > 0 && left < FrameHeader.byteCount && left == links[index].arrived
        if !isHeaderMissing { readIfPossible(loop, peer) }
    }
}
