import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepData
import LockstepEngine
import LockstepJobs
import LockstepModels
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Logging
import NIOCore
import NIOPosix
import Testing
import Tracing

@testable import LockstepRuntime

/// What an observer does to its state with what it is fed, item by item.
@Suite(.ownThreads) struct ObservingTests {
    private static let job = """
        model: [flatten, linear: 12, relu, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: 0.01}}
        data:
          train: {glyphs: {count: 60}}
          validation: {split: 0.2}
        earlyStopping: {patience: 2, restoreBest: true}
        batchSize: 16
        lanes: 4
        epochs: 4
        seed: 3
        """

    /// A worker's driver, whose thread does not run.
    private struct Observer {
        let driver: WorkerDriver
        let feed: IncomingFeed
        let job: ResolvedJob
        var state: FlatState { driver.state ?? spare }
        private let spare: FlatState

        init(_ text: String) throws {
            let authority = try Authority(cluster: "test")
            let settings = WorkerSettings(
                identity: try authority.issue(role: .worker, name: "w1"),
                coordinator: Endpoint(host: "127.0.0.1", port: 1), threads: 1, dataDirectory: "/", patience: 1,
                kernels: Kernels.best(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                tracer: NoOpTracer())
            let identity = WorkerIdentity(
                name: "w1", process: ProcessNumber(2), host: "here", processIdentifier: 1, version: "1",
                instructionSet: "generic", threads: 1)
            let events = Mailbox<WorkerDriver.Event>()
            let network = try WorkerNetwork(
                settings: settings, identity: identity, controlGroup: MultiThreadedEventLoopGroup.singleton,
                events: events, ended: { _, _ in })
            driver = WorkerDriver(settings: settings, identity: identity, network: network, events: events) { _, _ in }
            job = try ObservingTests.resolved(text)
            spare = try FlatState(plan: job.plan, seed: 77, keepsBest: job.keepsBest)
            driver.job = job
            driver.state = spare
            let shape = FeedShape(of: job)
            feed = IncomingFeed(
                number: 1,
                LinkGreeting(
                    generation: 1, name: "w0", process: ProcessNumber(1), peerName: "w1",
                    peerProcess: ProcessNumber(2), isFeed: true), on: MultiThreadedEventLoopGroup.singleton.next(),
                FeedAssembly(shape, FloatPool(count: shape.elementCount))
            ) { _, _ in }
            _ = driver.observed(feed, .opened)
        }

        func take(_ parcel: FeedParcel) throws -> FeedOutcome {
            guard case .fed(feed: 1, parcel.item) = driver.observed(feed, .fed(parcel)),
                case .fedTaken(feed: 1, let outcome, waiting: _) = driver.take(feed: 1)
            else { throw CommandError.failed("an event was not answered") }
            return outcome
        }

        var hashes: StateHashes { state.hashes(Kernels.best(), numbers: []) }
    }

    private static func resolved(_ text: String) throws -> ResolvedJob {
        let file = try JobFile(
            JobSource(fileName: "job.yaml", fileDirectory: "/", currentDirectory: "/", text: text))
        return try ResolvedJob(file.job) { _ in throw CommandError.failed("no files") }
    }

    /// Trains a job in one executor, and tells what it does.
    private final class Source {
        let job: ResolvedJob
        let state: FlatState
        var watched = WatchState()
        private let executor: Executor
        private let total: FloatMemory

        init(_ text: String) throws {
            job = try ObservingTests.resolved(text)
            state = try FlatState(plan: job.plan, seed: job.seed, keepsBest: job.keepsBest)
            executor = try Executor(
                plan: job.plan, kernels: Kernels.best(), lanes: 0..<job.laneTree.laneCount, laneTree: job.laneTree,
                batchSize: job.batchSize, threads: 2)
            total = FloatMemory(count: job.plan.layout.count)
        }

        deinit { executor.shutdown() }

        var hash: StateHash { state.hash(Kernels.best()) }
        var hashes: StateHashes { state.hashes(Kernels.best(), numbers: []) }

        func copy(of step: UInt32) -> FeedParcel {
            let point = StatePoint(step: step)
            let numbers = StateNumbers(of: job, watched, epochSums: [], epochSampleSum: 9).all
            return FeedParcel(
                FeedItem(generation: 1, .state(point)), makes: point,
                vectors: ([state.parameters] + state.vectors).map {
                    FloatMemory(copying: $0, count: job.plan.layout.count)
                } + [FloatMemory(numbers)])
        }

        /// Does a step.
        func step(_ step: UInt32) -> FeedParcel {
            let hash = hash
            let lanes = job.laneTree.laneCount
            let batch = BatchLoader.batch(of: 0..<lanes, in: Turn(.train, step: step), job)
            var results = Array(repeating: LaneResult(), count: lanes)
            var metricSums = Array(repeating: 0.0, count: max(1, lanes * job.plan.metricSumCount))
            let gradients = [total.pointer]
            _ = executor.train(
                parameters: state.parameters, inputs: batch.inputs.pointer, targets: batch.targets.pointer,
                laneStarts: batch.laneStarts, gradients: gradients, results: &results, metricSums: &metricSums,
                context: StepContext(seed: job.seed, step: step, firstPosition: batch.firstPosition))
            var totals = [0.0, 0] + Array(repeating: 0, count: job.plan.metricSumCount)
            for (lane, result) in results.enumerated() {
                totals[0] += result.loss
                totals[1] += result.weight
                for metric in 0..<job.plan.metricSumCount {
                    totals[2 + metric] += metricSums[lane * job.plan.metricSumCount + metric]
                }
            }
            let parcel = FeedParcel(
                FeedItem(
                    generation: 1,
                    .step(FedStep(step: step, totals: totals, sampleHashes: [1], stateHash: hash, seconds: 0.5))),
                makes: StatePoint(step: step), vectors: [FloatMemory(copying: total.pointer, count: total.count)])
            job.apply(
                step: step, totals: totals, totalGradient: total.pointer, plateauFactor: watched.plateauFactor,
                to: state, executor, Kernels.best())
            return parcel
        }

        /// Judges by sums that get worse from epoch to epoch.
        func judge(_ step: UInt32, epoch: Int) throws -> FeedParcel {
            let sums = [Double(epoch), 1] + Array(repeating: 1, count: job.plan.metricSumCount)
            let measures = try #require(job.measures(of: sums))
            let outcome = watched.observe(
                try #require(job.watch), loss: measures.loss, metrics: measures.metrics, step: Int(step))
            if outcome.isImproved { state.keepBest() }
            if outcome.stops || step == UInt32(job.stepCount) { state.restoreBest() }
            return FeedParcel(
                FeedItem(
                    generation: 1, .judgement(FedJudgement(step: step, sums: sums, watchHash: watched.hash))),
                makes: StatePoint(step: step))
        }
    }

    /// Steps, judgements, and the best state that is taken back at the end.
    @Test func everyBitIsTheSources() throws {
        let source = try Source(Self.job)
        let observer = try Observer(Self.job)
        #expect(observer.hashes != source.hashes)
        guard case .copied(let held) = try observer.take(source.copy(of: 0)) else { throw Unexpected() }
        #expect(held.holding.point == StatePoint(step: 0))
        #expect(held.epochSampleSum == 9)
        #expect(observer.hashes == source.hashes)
        let perEpoch = source.job.order.stepsPerEpoch
        var stops: [Bool] = []
        for step in 1...UInt32(source.job.stepCount) {
            let parcel = source.step(step)
            guard case .stepped(let report) = try observer.take(parcel) else { throw Unexpected() }
            #expect(report.step == step)
            #expect(report.computeSeconds == 0 && report.seconds == 0.5)
            #expect(observer.hashes == source.hashes)
            guard Int(step).isMultiple(of: perEpoch) else { continue }
            let judgement = try source.judge(step, epoch: Int(step) / perEpoch)
            guard case .judged(let isStopping, _, let watchHash) = try observer.take(judgement) else {
                throw Unexpected()
            }
            #expect(watchHash == source.watched.hash)
            #expect(observer.hashes == source.hashes)
            stops.append(isStopping)
        }
        #expect(stops == [false, false, true, true])
        for item in [FeedSamples.still(1), FeedSamples.begins(1), FeedParcel(FeedItem(generation: 1, .gap))] {
            #expect(try observer.take(item) == .noted)
        }
    }

    /// A step that does not go on from the own state changes nothing.
    @Test func anotherStateIsNotUpdated() throws {
        let source = try Source(Self.job)
        let observer = try Observer(Self.job)
        _ = try observer.take(source.copy(of: 0))
        observer.state.parameters[5] = observer.state.parameters[5].nextUp
        let own = observer.hashes
        #expect(try observer.take(source.step(1)) == .differs(own.parameters))
        #expect(observer.hashes == own)
    }

    @Test func numbersThatCannotBe() throws {
        let source = try Source(Self.job)
        let observer = try Observer(Self.job)
        let own = observer.hashes
        let parcel = source.copy(of: 0)
        let numbers = try #require(parcel.vectors.last)
        numbers.pointer[numbers.count - 1] = .nan
        guard case .failed = try observer.take(parcel) else { throw Unexpected() }
        #expect(observer.hashes == own)
    }

    /// What is dropped is not taken any more, and what was not dropped is taken after its link has closed.
    @Test func whatIsLeftOfAFeed() throws {
        let source = try Source(Self.job)
        let observer = try Observer(Self.job)
        _ = observer.driver.observed(observer.feed, .fed(source.copy(of: 0)))
        guard
            case .feedClosed(feed: 1, reason: "gone") = observer.driver.observed(observer.feed, .closed(reason: "gone")),
            case .fedTaken(feed: 1, .copied, waiting: _) = observer.driver.take(feed: 1)
        else { throw Unexpected() }
        observer.driver.dropFeed(1, reason: "test")
        #expect(observer.driver.observed.isEmpty)
        #expect(observer.driver.observed(observer.feed, .fed(source.copy(of: 0))) == nil)
        guard case .fedTaken(feed: 1, .failed, waiting: 0) = observer.driver.take(feed: 1) else { throw Unexpected() }
    }

    private struct Unexpected: Error {}
}
