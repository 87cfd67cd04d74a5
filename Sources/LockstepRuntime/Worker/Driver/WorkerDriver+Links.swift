internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepWire
internal import Logging

/// The links and exchanges of generations, and their trials.
extension WorkerDriver {
    /// The rails are as many as the coordinator wants and this process has cores for.
    func makeRails(_ welcome: Welcome, _ job: ResolvedJob) -> RailGroup {
        let wanted = max(welcome.fewestLinks, min(welcome.mostLinks, Machine.cores))
        let shape = FeedShape(of: job)
        let vectors = FloatPool(count: shape.elementCount)
        self.vectors = vectors
        let entrance = FeedEntrance(shape, pool: vectors) { [events] in events.post(.observed($0, $1)) }
        return RailGroup(
            count: min(max(1, wanted), ExchangeSettings.mostLinks), identity: core.identity, entrance: entrance
        ) { [events, network] event, rail in
            // The driver may compute for long; a new link must not wait for it.
            guard case .renew(let member, let roster, let renewal) = event else {
                return events.post(.rail(rail, event))
            }
            network.renew(member, of: roster, rail: rail, renewal: renewal)
        }
    }

    /// A generation begins.
    func link(_ start: Start) -> WorkerEvent? {
        #if LOCKSTEP_FAILPOINTS
        pass(.linking, step: start.roster.startStep)
        #endif
        // The last step belongs to the generation that it was done in.
        flushSpan()
        endGeneration()
        closeGate()
        network.contexts.revocations.replace(DenyList(fingerprints: start.roster.denied))
        guard job != nil, let own = start.roster.index(of: core.identity.name) else {
            return .failed(reason: "START came before the job")
        }
        guard !settings.allowsClear else { return WorkerDriver.refusesWithoutTLS }
        endObserving()
        if feeds != nil { feedBegins(start.roster) }
        cores.take(start.hostShare)
        spans?.begin(start.traceContext, generation: start.roster.generation)
        starting = start
        if start.roster.members.count > 1, let failure = link(start.roster, own: own) { return failure }
        // Who lacks the state does not know yet what follows it.
        return start.roster.holders.contains(core.identity.name) ? beginWork() : nil
    }

    /// A generation is planned.
    func linkAhead(_ change: PlannedChange) {
        guard let rails, (1...rails.rails.count).contains(change.links), !settings.allowsClear else { return }
        network.linkAhead(change, Array(rails.rails.prefix(change.links)))
    }

    /// Makes what a generation is worked on with. The own state is the one that it starts from.
    func beginWork() -> WorkerEvent? {
        guard let start = starting, let job, let schedule = core.schedule,
            let own = start.roster.index(of: core.identity.name)
        else { return .failed(reason: "no generation is in hand") }
        starting = nil
        do {
            let work = try GenerationWork(
                roster: start.roster, own: own, job: job, kernels: settings.kernels, threads: cores.threads,
                schedule: schedule, pool: vectors)
            self.work = work
            // What it did not take is for those that are fed, if for anybody.
            if feeds == nil { vectors?.empty() }
            exchange = makeExchange(work.plans, start.roster, work.memory, schedule)
            settings.logger.info(
                "generation begins",
                metadata: [
                    "from": "\(start.roster.start)", "members": "\(start.roster.members.count)",
                    "lanes": "\(work.lanes)", "links": "\(start.roster.exchange.links)",
                    "buckets": "\(start.roster.exchange.bucketBoundaries.count + 1)",
                ])
            return nil
        } catch {
            return failed(error)
        }
    }

    /// A generation begins that only measures.
    func link(toMeasure measure: Measure) -> WorkerEvent? {
        endGeneration()
        network.contexts.revocations.replace(DenyList(fingerprints: measure.roster.denied))
        guard let own = measure.roster.index(of: core.identity.name), measure.roster.members.count > 1 else {
            return .failed(reason: "a worker alone has nothing to measure")
        }
        guard measure.isClear == settings.allowsClear else {
            return measure.isClear
                ? .failed(reason: "this worker measures with TLS only; start it with bench allreduce --clear")
                : WorkerDriver.refusesWithoutTLS
        }
        cores.take(measure.hostShare)
        return link(measure.roster, own: own)
    }

    private static let refusesWithoutTLS = WorkerEvent.failed(
        reason: "this worker was started to measure without TLS; start it without --clear")

    /// Carries out a trial on links that are there.
    func measure(_ measure: Measure) -> WorkerEvent? {
        guard let job, let state, let linking, measure.trial.settings.links <= linking.railCount else {
            return .failed(reason: "a trial came before its links")
        }
        trial = nil
        do {
            let timeline = try timeline(measure, own: linking.own, job, state)
            let trial = try TrialRun(measure, own: linking.own, job: job, timeline: timeline) { plans, schedule in
                makeExchange(plans, measure.roster, ExchangeMemory(plans: plans), schedule)
            }
            self.trial = trial
            trial.begin()
            return nil
        } catch {
            return failed(error)
        }
    }

    /// Something has happened to a link.
    func linked(_ event: Rail.Event) -> WorkerEvent? { linking?.handle(event) }

    /// Drops everything of the generation in progress. When it returns, nobody uses memory of it any more.
    ///
    /// - Returns: the names of the members that the turn in progress waited for.
    @discardableResult
    func endGeneration() -> [String] {
        network.stopLinking()
        let waitedFor = rails?.park() ?? []
        linking = nil
        starting = nil
        exchange = nil
        trial = nil
        if let vectors { work?.memory.giveBack(to: vectors) }
        work = nil
        guard levelling != nil else { return waitedFor }
        levelling = nil
        preparation = nil
        network.stopFetching()
        return waitedFor
    }

    /// Lets the members of a roster in, and dials those that this worker dials.
    ///
    /// - Returns: why that cannot be.
    private func link(_ roster: Roster, own: Int) -> WorkerEvent? {
        let links = roster.exchange.links
        guard let rails, (1...rails.rails.count).contains(links) else {
            return .failed(reason: "a generation of \(links) links, of which this worker does not offer so many")
        }
        linking = LinkedGeneration(roster, own: own, railCount: links)
        rails.begin(roster, own: own, railCount: links)
        network.link(roster, own: own, Array(rails.rails.prefix(links)))
        return nil
    }

    private func makeExchange(
        _ plans: [ExchangePlan], _ roster: Roster, _ memory: ExchangeMemory, _ schedule: TurnSchedule
    ) -> RunningExchange {
        exchangeCount += 1
        let rails = roster.members.count > 1 ? Array((rails?.rails ?? []).prefix(plans.count)) : []
        return RunningExchange(
            number: exchangeCount, plans: plans, memory: memory, rails: rails, generation: roster.generation,
            schedule: schedule, kernels: settings.kernels
        ) { [events] end in events.post(.exchanged(end)) }
    }

    /// When the parts of the gradient are complete in a step of this worker's lanes; empty where the trial has no steps.
    private func timeline(
        _ measure: Measure, own: Int, _ job: ResolvedJob, _ state: FlatState
    ) throws -> [GradientPoint] {
        let trial = measure.trial
        guard trial.computeSteps > 0 else { return [] }
        let executor = try Executor(
            plan: job.plan, kernels: settings.kernels, lanes: measure.roster.members[own].lanes, laneTree: job.laneTree,
            batchSize: job.batchSize, threads: cores.threads, gradientCuts: job.plan.gradientCuts)
        defer { executor.shutdown() }
        let roots = executor.roots.map { _ in FloatMemory(count: job.plan.layout.count) }
        let timeline = try withExtendedLifetime(roots) {
            try executor.measureTimeline(
                parameters: state.parameters, gradients: roots.map(\.pointer), steps: trial.computeSteps,
                seconds: trial.computeSeconds)
        }
        return timeline.thinned(to: Measured.mostPoints).points.map {
            GradientPoint(floats: $0.floats, seconds: $0.seconds)
        }
    }

    func failed(_ error: any Error) -> WorkerEvent {
        .failed(reason: (error as? CommandError)?.message ?? String(describing: error).escapedForDisplay())
    }
}
