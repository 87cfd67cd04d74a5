internal import LockstepCluster
internal import LockstepCore
internal import LockstepData
internal import LockstepEngine
internal import LockstepJobs
internal import LockstepModels

/// From WELCOME to PREPARED.
extension WorkerDriver {
    func prepare(_ welcome: Welcome) -> WorkerEvent? {
        settings.status.update { $0.run = welcome.runIdentifier }
        #if LOCKSTEP_FAILPOINTS
        pass(.preparing, step: 0)
        #endif
        self.welcome = welcome
        do throws(CommandError) {
            let preparation = try Preparation(welcome, dataDirectory: DataDirectory(root: settings.dataDirectory))
            self.preparation = preparation
            fetchCount += 1
            network.fetch(preparation.want, vectors: preparation.vectorCount, number: fetchCount)
            return nil
        } catch {
            return .unable(Unable(exitCode: error.exitCode, message: error.message))
        }
    }

    func finishPreparing(_ fetched: Fetched) -> WorkerEvent? {
        guard let preparation else { return .failed(reason: "what nobody asked for has come") }
        self.preparation = nil
        do {
            let ready = try preparation.finish(fetched, settings.kernels)
            let job = ready.job
            self.job = job
            state = ready.state
            watched = ready.watched
            spans = makeSpans(job, run: preparation.welcome.runIdentifier)
            let rails = makeRails(preparation.welcome, job)
            self.rails = rails
            let numbers = StateNumbers(
                of: job, watched, epochSums: ready.epochSums, epochSampleSum: ready.epochSampleSum)
            network.announce(
                WorkerPreparation(
                    planDigest: job.plan.digest.description, probe: ready.probe,
                    state: held(
                        StatePoint(step: ready.step), ready.state.hashes(settings.kernels, numbers: numbers.all),
                        watched, numbers, job),
                    lastStep: UInt32(job.stepCount),
                    evaluationBatches: UInt32(job.testOrder?.stepsPerEpoch ?? 0), validation: job.validationSchedule,
                    host: "", ports: [], seed: job.seed), rails)
            return nil
        } catch let error as CommandError {
            return .unable(Unable(exitCode: error.exitCode, message: error.message))
        } catch {
            return .unable(Unable(exitCode: .failed, message: String(describing: error).escapedForDisplay()))
        }
    }

    /// Spans go to the tracer that the program brought, else to Lockstep's own, whose lines the coordinator writes.
    private func makeSpans(_ job: ResolvedJob, run: String) -> StepSpans? {
        let tracing = ProcessTracing(
            backend: settings.tracer, process: core.identity.name, host: core.identity.host, settings: job.traces)
        return StepSpans(
            tracer: tracing.tracer, sink: tracing.sink, worker: core.identity.name, run: run
        ) { [network] lines in network.spans.post(lines) }
    }
}
