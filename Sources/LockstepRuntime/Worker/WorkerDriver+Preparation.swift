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
        do throws(CommandError) {
            let preparation = try Preparation(welcome, dataDirectory: DataDirectory(root: settings.dataDirectory))
            self.preparation = preparation
            network.openBulk(preparation.want, vectors: preparation.vectorCount)
            return nil
        } catch {
            return .unable(Unable(exitCode: error.exitCode, message: error.message))
        }
    }

    func finishPreparing(_ fetched: Fetched) -> WorkerEvent? {
        guard let preparation else { return .failed(reason: "what nobody asked for has come") }
        self.preparation = nil
        do {
            let ready = try preparation.finish(fetched)
            let job = ready.job
            self.job = job
            state = ready.state
            watched = ready.watched
            spans = makeSpans(job, run: preparation.welcome.runIdentifier)
            let rails = makeRails(preparation.welcome)
            self.rails = rails
            network.announce(
                WorkerPreparation(
                    planDigest: job.plan.digest.description, step: ready.step,
                    stateHash: ready.state.hash(settings.kernels), lastStep: UInt32(job.stepCount),
                    evaluationBatches: UInt32(job.testOrder?.stepsPerEpoch ?? 0), validation: job.validationSchedule,
                    isStopped: watched.isStopped, isBest: ready.step > 0 && watched.bestSnapshotStep == Int(ready.step),
                    epoch: ready.step == 0 ? 0 : UInt32(job.order.epoch(ofStep: Int(ready.step))),
                    epochSums: ready.epochSums, host: "", ports: []), rails)
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
