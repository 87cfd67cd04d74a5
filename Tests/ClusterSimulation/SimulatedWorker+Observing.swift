import LockstepCluster
import LockstepCollectives
import LockstepCore

/// The observer's part of a feed.
extension SimulatedWorker {
    /// The accepting side of a feed's dial.
    ///
    /// - Returns: nil where it refuses.
    func admitFeed(from source: SimulatedWorker) -> FeedLink? {
        guard isAlive, !isStopped, core.mayBeFed else { return nil }
        feedCount += 1
        let link = FeedLink(simulation, number: feedCount, source: source, observer: self)
        let generation = source.core.running
        later(1_000...200_000) { [self] in
            guard link.connection.serverIsOpen else { return }
            incomings.append(link)
            handle(.feedOpened(feed: link.number, source: source.name, process: source.process, generation: generation))
            link.admit()
        }
        return link
    }

    /// Dials members to see whether it could take part.
    func preflight(_ preflight: Preflight) {
        preflightNumber += 1
        let number = preflightNumber
        var missing = preflight.members.count
        var outOfReach: [String] = []
        for member in preflight.members {
            simulation.dial(member.process, from: host, until: simulation.now + preflight.limit) { [self] found in
                whenAwake { [self] in
                    if found == nil { outOfReach.append(member.name) }
                    missing -= 1
                    guard missing == 0, number == preflightNumber else { return }
                    handle(
                        .preflighted(
                            generation: preflight.generation,
                            outOfReach: preflight.members.map(\.name).filter(outOfReach.contains)))
                }
            }
        }
    }

    func dropFeed(_ number: Int, _ reason: String) {
        simulation.dropped(by: self, reason)
        guard let index = incomings.firstIndex(where: { $0.number == number }) else { return }
        incomings.remove(at: index).forget(reason)
    }

    /// A generation begins here: what was fed is over.
    func endObserving() {
        for link in incomings { link.forget("the observer is a member now") }
        incomings = []
        frozenFor = nil
    }

    // MARK: Items

    func take(_ item: FeedItem, _ number: Int) {
        guard let link = incomings.first(where: { $0.number == number }), let first = link.whole.first,
            first.item == item
        else {
            return simulation.violate("\(self) takes \(item), which is not the first that waits")
        }
        // It is known that the generation goes on without it.
        if let frozenFor, link.whole.contains(where: { $0.item.generation >= frozenFor }) { self.frozenFor = nil }
        var time: ClosedRange<UInt64> = 100_000...5_000_000
        if let slow = slowTaking, slow.until > simulation.now { time = slow.time...slow.time }
        // What was begun runs to its end, whatever comes.
        later(time) { [self] in
            guard !isHung else { return }
            let outcome = outcome(of: first, from: link.source)
            var waiting = 0
            if !link.isForgotten {
                link.removeFirst()
                waiting = link.whole.count
            }
            handle(.fedTaken(feed: number, outcome, waiting: waiting))
            link.read()
        }
    }

    private func outcome(of whole: WholeItem, from source: SimulatedWorker) -> FeedOutcome {
        switch whole.item.content {
        case .state(let point):
            if whole.copy.point != point { simulation.violate("\(self) is fed \(whole.copy.point) as \(point)") }
            state = whole.copy
            hasState = true
            isCorrupt = whole.isCorrupt
            simulation.changed(self)
            return .copied(held)
        case .step(let fed): return takeStep(fed, whole)
        case .judgement(let fed):
            if state.point != StatePoint(step: fed.step, isJudged: false) {
                return .failed(reason: "S(\(fed.step)) is judged, which is not the state here")
            }
            state.judge(fed.sums, simulation.scenario.job)
            simulation.changed(self)
            // Who misjudged may have levelled since it said so.
            let isDoubtful = isCorrupt || source.isCorrupt || simulation.everCursed.contains(.misjudge)
            if state.watchHash != fed.watchHash, !isDoubtful {
                simulation.violate("\(self) judges otherwise than its source")
            }
            return .judged(
                isStopping: state.watch.isStopped, snapshots: simulation.scenario.job.snapshotsBest && state.isBest,
                watchHash: state.watchHash)
        case .reports, .gap, .still, .begins: return .noted
        }
    }

    private func takeStep(_ fed: FedStep, _ whole: WholeItem) -> FeedOutcome {
        let job = simulation.scenario.job
        if let hash = fed.stateHash, hash != state.hash {
            if !isCorrupt { simulation.violate("\(self) is told that its sound state is damaged") }
            return .differs(state.hash)
        }
        if isCorrupt, fed.stateHash != nil, job.state(at: state.point)?.hash != state.hash {
            simulation.violate("\(self) is told that its damaged state is sound")
        }
        if state.step + 1 != fed.step || !state.point.isJudged {
            simulation.violate("\(self) is to apply step \(fed.step) to \(state.point)")
        }
        let turn = Turn(.train, step: fed.step)
        if !isCorrupt {
            if fed.totals != job.sums(turn, state, lanes: 0..<job.lanes) {
                simulation.violate("\(self) is fed \(fed.totals) of \(turn)")
            }
            let objection = SimulatedExchange.objection(
                to: whole.total, lanes: job.lanes, generation: whole.item.generation, mark: mark(of: turn))
            if let objection { simulation.violate("\(self) is fed a wrong sum in \(turn): \(objection)") }
        }
        previous = state
        state.apply(
            step: fed.step, epoch: job.epoch(ofStep: fed.step), lanes: job.lanes,
            isJudged: job.isJudged(afterStep: fed.step))
        simulation.counts.fedSteps += 1
        simulation.changed(self)
        return .stepped(
            StepReport(
                step: fed.step, epoch: state.epoch, loss: fed.totals[0], metrics: [], learningRate: 1, samples: 1,
                seconds: fed.seconds))
    }
}
