import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What the driver does for the core.
extension SimulatedWorker {
    /// - Returns: the answer to the action, where there is one at once.
    func perform(_ action: WorkerAction) -> WorkerEvent? {
        simulation.note("\(self) \(action)")
        switch action {
        case .send(let number, let message): send(message, on: number)
        case .dialAgain: redial()
        case .closeConnection(let number, _):
            if let control, control.number == number { control.connection.closeClient("closed by the worker") }
        case .prepare(let welcome): prepare(welcome)
        case .linkToMeasure(let measure): link(measure.roster, for: measure)
        case .measure(let measure): begin(measure)
        case .link(let start): link(start.roster)
        case .level(let roster): level(roster)
        case .serve(let roster): serve(roster)
        case .begin(let turn, let isStopping): begin(turn, isStopping: isStopping)
        case .record(let turn, let asked, let judgement, let hashesState):
            return record(turn, asked, judgement, hashesState)
        case .auditLane(let turn, let lane): return .laneAudited(turn, laneHash(turn, lane))
        case .apply(let turn, let summary): apply(turn, summary)
        case .judge(let sums, let step): judge(sums, step)
        case .copyShare(let fetch, let isBest): copyShare(fetch, isBest: isBest)
        case .park: park()
        case .linkAhead(let change): linkAhead(change)
        case .reach(let members, let limit): reach(members, limit)
        case .hashState: hashState()
        case .preflight(let request): preflight(request)
        case .feed(let request): feed(request.observer)
        case .endFeeds: endFeeds { _ in true }
        case .take(let item, let number): take(item, number)
        case .dropFeed(let number, let reason): dropFeed(number, reason)
        case .sendShare(let fetch):
            if fetch.step != state.step { simulation.violate("\(self) sends a share of another step") }
            sendShare(fetch, state)
        case .exit(let code, let reason):
            exitCode = code
            end("exit status \(code.rawValue): \(reason)")
        }
        return nil
    }

    // MARK: Turns

    /// Says of which turn and state a sum is.
    func mark(of turn: Turn) -> Float {
        let number = UInt64(turn.step) &* 8 &+ UInt64(turn.phase.rawValue)
        return Float(SimulatedState.mix(number, state.hash.high) % 1000)
    }

    private func begin(_ turn: Turn, isStopping: Bool) {
        simulation.checkWhole(self, "begins \(turn)")
        if state.point != core.point {
            simulation.violate("\(self) begins \(turn) at \(core.point) with \(state.point)")
        }
        feedCopies()
        if generation?.exchange == nil, let schedule = core.schedule {
            makeExchange(schedule)
            if let generation { simulation.after(0) { [self] in whenAwake { self.takeAll(generation) } } }
        }
        guard let exchange = generation?.exchange else { return simulation.violate("\(self) begins without links") }
        exchange.core.begin(turn, isStopping: isStopping)
        advance()
        guard turn.hasBatch else { return }
        var time: ClosedRange<UInt64> = simulation.scenario.computing
        if turn.hasGradients {
            mark = mark(of: turn)
            let mark = mark
            for bucket in (0..<exchange.bucketCount).reversed() {
                compute(time) { [self] in
                    exchange.compute(bucket, mark: mark)
                    exchange.core.bucketReady(bucket)
                    advance()
                }
            }
            time = time.upperBound...time.upperBound
        }
        compute(time) { [self] in handle(.computed(turn)) }
    }

    func takeAll(_ generation: LinkedGeneration) {
        for link in generation.linksInOrder where self.generation === generation { link.takeHeld(self) }
    }

    private func record(
        _ turn: Turn, _ asked: UInt32, _ judgement: UInt64?, _ hashesState: Bool
    ) -> WorkerEvent? {
        guard let exchange = generation?.exchange else { return nil }
        let plan = exchange.plan
        let lanes = plan.lanes[plan.ownIndex]
        var bad: Int?
        if turn.hasGradients, let fault = simulation.notFinite, fault.step == turn.step, lanes.contains(fault.lane) {
            bad = fault.lane
        }
        let sums = plan.ownRoots.flatMap { simulation.scenario.job.sums(turn, state, lanes: $0.lanes) }
        let sampleHash = turn.phase == .train ? SimulatedState.sampleHash(step: turn.step, lanes: lanes) : 0
        let hash = hashesState ? state.hash : nil
        let audit = core.laneAudit
        let ownHash = audit.map { $0.owner == plan.ownIndex ? laneHash(turn, $0.lane) : 0 }
        let auditHash = audit.map { $0.auditor == plan.ownIndex ? laneHash(turn, $0.lane) : 0 }
        exchange.core.recordReady(
            ControlRecord(
                lanes: lanes, sums: sums, sampleHash: judgement ?? sampleHash, firstNonFiniteLane: bad,
                stateHash: hash ?? StateHash(high: 0, low: 0), askedGeneration: asked, ownLaneHash: ownHash ?? 0,
                auditHash: auditHash ?? 0))
        simulation.after(0) { [self] in whenAwake { [self] in advance() } }
        return .recorded(turn, hash)
    }

    /// What an audited lane comes to.
    private func laneHash(_ turn: Turn, _ lane: Int) -> UInt64 {
        let hash = SimulatedState.mix(SimulatedState.mix(UInt64(turn.step), UInt64(lane)), state.hash.high)
        guard wrongLanes > 0 else { return hash }
        wrongLanes -= 1
        return ~hash
    }

    /// Carries out what the exchange wants.
    func advance() {
        guard let generation, let exchange = generation.exchange else { return }
        while self.generation === generation, let action = exchange.core.nextAction() {
            switch action {
            case .send(let member, let header, let source):
                let isRoot = if case .root = source { true } else { false }
                send(
                    { .exchange(header, exchange.payload(source)) }, to: member,
                    sent: { [self] in
                        guard isRoot else { return }
                        exchange.core.didSend(header)
                        advance()
                    })
            case .reduce(let chunk): exchange.reduce(chunk)
            case .bucketFinished: break
            case .resume(let member):
                simulation.after(0) { [self] in whenAwake { [self] in generation.links[member]?.takeHeld(self) } }
            case .finished(let turn, _) where turn.phase == .trial: finishedRound(turn)
            case .finished(let turn, let records): finished(turn, records, exchange)
            }
        }
    }

    private func finished(_ turn: Turn, _ received: [ControlRecord], _ exchange: SimulatedExchange) {
        var records = received
        if simulation.flaw == .deafToPlans, number == 0 {
            for member in records.indices { records[member].askedGeneration = 0 }
        }
        if simulation.flaw == .appliesAnyway, name == "w0" {
            for member in records.indices { records[member].firstNonFiniteLane = nil }
        }
        if simulation.flaw == .appliesCorrupt, let own = records.first {
            for member in records.indices { records[member].stateHash = own.stateHash }
        }
        guard
            let summary = try? RecordSummary(
                records: records, tree: exchange.plan.tree, sumCount: SimulatedExchange.sumCount)
        else { return simulation.violate("the records make no summary") }
        let number = workNumber
        simulation.after(0) { [self] in
            whenAwake { [self] in
                guard number == workNumber else { return }
                simulation.liveness.finish(turn, step: state.step, simulation.now)
                let bytes = exchange.plan.gradientBytesPerStep
                handle(.turnFinished(turn, summary, gradientIsFinite: true, gradientBytesSent: bytes))
            }
        }
    }

    private func apply(_ turn: Turn, _ summary: RecordSummary) {
        let job = simulation.scenario.job
        if state.step + 1 != turn.step || !state.point.isJudged {
            simulation.violate("\(self) applies \(turn) to \(state.point)")
        }
        if summary.firstNonFiniteLane != nil || simulation.notFinite?.step == turn.step {
            simulation.violate("\(self) applies \(turn), whose loss is not finite")
        }
        let total = job.sums(turn, state, lanes: 0..<job.lanes)
        if summary.totals != total { simulation.violate("\(self): the records of \(turn) say \(summary.totals)") }
        if let objection = generation?.exchange?.objection(mark: mark) {
            simulation.violate("\(self) applies a wrong sum in \(turn): \(objection)")
        }
        simulation.happened(.apply, at: self)
        let agreed = summary.agreedHash.flatMap { hash in
            feeds.isEmpty || hash == StateHash(high: 0, low: 0) ? nil : hash
        }
        let applied = feeds.isEmpty ? [] : generation?.exchange?.applied ?? []
        // An update runs to its end, whatever comes.
        later(100_000...5_000_000) { [self] in
            previous = state
            state.apply(
                step: turn.step, epoch: job.epoch(ofStep: turn.step), lanes: job.lanes,
                isJudged: job.isJudged(afterStep: turn.step))
            simulation.changed(self)
            tellFeeds(
                .step(
                    FedStep(
                        step: turn.step, totals: summary.totals, sampleHashes: summary.sampleHashes, stateHash: agreed,
                        seconds: 1)), total: applied)
            handle(
                .updated(
                    StepReport(
                        step: turn.step, epoch: state.epoch, loss: summary.totals[0], metrics: [], learningRate: 1,
                        samples: 1, seconds: 1)))
        }
    }

    private func judge(_ sums: [Double], _ step: UInt32) {
        if state.step != step || state.point.isJudged { simulation.violate("\(self) judges \(state.point)") }
        later(100_000...10_000_000) { [self] in
            state.judge(sums, simulation.scenario.job)
            simulation.changed(self)
            // Who is alone is believed.
            if core.roster?.members.count ?? 0 > 1, simulation.misjudges(self) {
                isCorrupt = true
                state.watch.isStopped.toggle()
            }
            tellFeeds(.judgement(FedJudgement(step: step, sums: sums, watchHash: state.watchHash)))
            handle(
                .judged(
                    isStopping: state.watch.isStopped, snapshots: simulation.scenario.job.snapshotsBest && state.isBest,
                    watchHash: state.watchHash))
        }
    }

    private func park() {
        simulation.happened(.park, at: self)
        // A computation that does not end does not park, and the driver waits for it.
        if isHung {
            leavesComputation = true
            if simulation.flaw != .parksHung { return isStuck = true }
        }
        let waitingFor = (generation?.exchange?.core.waitingFor ?? []).compactMap {
            generation?.roster.members[$0].name
        }
        dropGeneration()
        later(10_000...5_000_000) { [self] in handle(.parked(waitingFor: waitingFor)) }
    }

    private func hashState() {
        simulation.checkWhole(self, "stands still")
        tellFeeds(.still(promised: core.promised, state.point))
        later(10_000...5_000_000) { [self] in handle(.stateHashed(state.hash, whole: state.wholeHash)) }
    }
}
