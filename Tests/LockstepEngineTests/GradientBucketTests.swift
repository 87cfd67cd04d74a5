import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Buckets of the gradient") struct GradientBucketTests {
    @Test("are complete when they are told, once each, and no bit changes", arguments: ExecutorBitTests.nets.indices)
    func completeWhenTold(index: Int) throws {
        let plan = try ExecutorBitTests.nets[index].plan()
        let state = try FlatState(plan: plan, seed: 3)
        let seed = UInt64(500 + index)
        let random = Philox(key: [UInt32(seed), 11])
        let (count, laneCount) = (13, 7)
        let batch = TestBatch(plan, count: count, laneCount: laneCount, seed: 5)
        for lanes in [0..<laneCount, 1..<6] {
            let reference = try batch.train(
                plan, .best(), parameters: state.parameters, ownership: [lanes], threads: 1)
            for round in 0..<8 {
                let draws = random.block([UInt32(lanes.lowerBound), UInt32(round), 0, 0])
                let (threads, limit) = (1 + Int(draws.x % 5), 1 + Int(draws.y % 4))
                let ends = cuts(plan.layout, draws.z, random, round: round)
                let buckets = try GradientBuckets(ends: ends, plan: plan, outputUnit: 1 + Int(draws.w % 3))
                let executor = try executor(
                    plan, buckets, lanes: lanes, of: laneCount, batchSize: count, threads: threads, limit: limit)
                defer { executor.shutdown() }
                let observer = BucketObserver(ranges: executor.buckets)
                // Twice, since what a step leaves behind must not look like the sums of the next.
                for _ in 0..<2 {
                    let outcome = batch.run(
                        executor, plan, lanes, state.parameters, isTraining: true, observer: observer)
                    let what: Comment =
                        "seed \(seed), lanes \(lanes), round \(round): \(threads) threads, groups of \(limit), \(ends)"
                    #expect(outcome == reference, what)
                    #expect(observer.early(outcome.gradients) == [], what)
                    #expect(
                        observer.snapshots.map(\.bucket).sorted() == Array(executor.buckets.indices), what)
                }
            }
        }
    }

    /// Behind every tensor, none, or at random places, also inside tensors.
    private func cuts(_ layout: FlatLayout, _ draw: UInt32, _ random: Philox, round: Int) -> [Int] {
        switch draw % 4 {
        case 0: return layout.tensorEnds
        case 1: return round % 2 == 0 ? [] : [layout.count]
        default:
            let places = (1..<layout.count / FlatLayout.alignment + 1).filter {
                random.uniform(site: draw, index: UInt64(round), element: UInt32($0)) < 0.2
            }
            return places.map { $0 * FlatLayout.alignment }
        }
    }

    @Test("are told in the order of backward, the first while the last is not begun")
    func overlap() throws {
        for net in [TestNet.perceptron, TestNet.convolutional] {
            let plan = try net.plan()
            let (observer, _) = try observe(plan, plan.layout.tensorEnds)
            let order = observer.snapshots.map(\.bucket)
            #expect(order == plan.gradientOrder)
            #expect(observer.snapshots.map(\.isLastUntouched) == order.map { $0 != order.last })
        }
    }

    @Test("buffers are buckets as well, though forward makes them")
    func buffers() throws {
        let plan = try BatchNormNets.residual.plan()
        let (observer, outcome) = try observe(plan, plan.layout.tensorEnds)
        #expect(observer.early(outcome.gradients) == [])
        #expect(observer.snapshots.count == plan.layout.entries.count)
    }

    @Test("a linear layer's gradient is complete in parts")
    func parts() throws {
        let plan = try TestNet(input: [24], layers: [.linear(40), .relu, .linear(3)]).plan()
        let weight = try #require(plan.layout.entries.first { $0.name == "0.weight" }?.range)
        // Two outputs at least, and none by itself at the end: 24 floats are one output.
        let ends = [64, 240, 256, 944].map { (weight.lowerBound + $0) / 16 * 16 }
        let buckets = try GradientBuckets(ends: ends, plan: plan, outputUnit: 2)
        #expect(buckets.parts.compactMap(\.outputs) == [0..<4, 4..<10, 10..<12, 12..<40])
        let (observer, outcome) = try observe(plan, ends, outputUnit: 2)
        #expect(observer.early(outcome.gradients) == [])
        #expect(observer.snapshots.map(\.bucket) == [0, 1, 2, 3, 4])
        #expect(observer.snapshots.map(\.isLastUntouched) == [true, true, true, false, false])
    }

    @Test("a plan's own cuts part large weights, behind whole tiles")
    func gradientCuts() throws {
        let small = try TestNet.perceptron.plan()
        #expect(small.gradientCuts == small.layout.tensorEnds)
        let plan = try TestNet(input: [784], layers: [.linear(512), .relu, .linear(512), .relu, .linear(10)]).plan()
        let buckets = try GradientBuckets(ends: plan.gradientCuts, plan: plan)
        #expect(buckets.parts.compactMap(\.outputs?.count) == [168, 168, 176, 112, 112, 112, 112, 64])
        #expect(buckets.ranges.count == plan.layout.entries.count + 6)
        #expect(Set(buckets.lastParts).count == buckets.ranges.count)
    }

    /// The canary.
    @Test("a bucket that is told one instruction early is found", arguments: ExecutorBitTests.nets.indices)
    func early(index: Int) throws {
        let plan = try ExecutorBitTests.nets[index].plan()
        let everywhere = Array(stride(from: FlatLayout.alignment, to: plan.layout.count, by: FlatLayout.alignment))
        for (ends, step) in [(plan.layout.tensorEnds, 1), (everywhere, 7)] {
            let right = try GradientBuckets(ends: ends, plan: plan, outputUnit: 1)
            for place in stride(from: 0, to: right.order.count, by: step) {
                let (observer, outcome) = try observe(plan, ends) { $0.lastParts[place] -= 1 }
                // A bucket never overtakes one that is complete at once with it.
                let waits = place > 0 && right.lastParts[place - 1] == right.lastParts[place]
                #expect(observer.early(outcome.gradients) == (waits ? [] : [right.order[place]]), "\(ends), \(place)")
            }
        }
    }

    /// One thread and one group.
    private func observe(
        _ plan: Plan, _ ends: [Int], outputUnit: Int = 1, _ change: (inout GradientBuckets) -> Void = { _ in }
    ) throws -> (BucketObserver, TestBatch.Outcome) {
        let state = try FlatState(plan: plan, seed: 3)
        let batch = TestBatch(plan, count: 8, laneCount: 4, seed: 5)
        var buckets = try GradientBuckets(ends: ends, plan: plan, outputUnit: outputUnit)
        change(&buckets)
        let executor = try executor(plan, buckets, lanes: 0..<4, of: 4, batchSize: 8, threads: 1, limit: 4)
        defer { executor.shutdown() }
        let observer = BucketObserver(ranges: executor.buckets)
        let outcome = batch.run(executor, plan, 0..<4, state.parameters, isTraining: true, observer: observer)
        return (observer, outcome)
    }

    private func executor(
        _ plan: Plan, _ buckets: GradientBuckets, lanes: Range<Int>, of laneCount: Int, batchSize: Int, threads: Int,
        limit: Int
    ) throws -> Executor {
        try Executor(
            plan: plan, kernels: .best(), lanes: lanes, laneTree: LaneTree(laneCount: laneCount),
            batchSize: batchSize, threads: threads, lanesPerGroup: limit, threadName: "compute", isTimed: true,
            buckets: buckets)
    }

    @Test("cuts that do not fit the layout are refused")
    func refused() throws {
        let plan = try TestNet.perceptron.plan()
        for ends in [[8], [0], [16, 16], [32, 16], [-16], [plan.layout.count + 16], [plan.layout.count, 16]] {
            #expect(throws: CommandError.self, "\(ends)") {
                try Executor(
                    plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2), batchSize: 2,
                    threads: 1, gradientCuts: ends)
            }
        }
    }

    @Test("the timeline has a point for each bucket, in order, inside the step")
    func timeline() throws {
        let plan = try BatchNormNets.residual.plan()
        let state = try FlatState(plan: plan, seed: 3)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 1..<4, laneTree: LaneTree(laneCount: 5), batchSize: 11, threads: 2,
            gradientCuts: plan.layout.tensorEnds)
        defer { executor.shutdown() }
        let room = executor.roots.map { _ in
            UnsafeMutablePointer<Float>.allocate(capacity: plan.layout.count)
        }
        defer { room.forEach { $0.deallocate() } }
        let timeline = try executor.measureTimeline(parameters: state.parameters, gradients: room, steps: 3)
        #expect(timeline.points.map(\.floats) == plan.layout.tensorEnds)
        #expect(zip(timeline.points, timeline.points.dropFirst()).allSatisfy { $0.seconds <= $1.seconds })
        #expect(timeline.points.allSatisfy { $0.seconds > 0 })
        #expect(timeline.seconds == timeline.points.last?.seconds)
        // Many steps, but no time for them.
        _ = try executor.measureTimeline(parameters: state.parameters, gradients: room, steps: .max, seconds: 0)
    }

    @Test("a prefix is complete when all its buckets are, and thinning keeps the last of each part of the time")
    func thinning() {
        let ranges = [0..<16, 16..<32, 32..<64, 64..<80]
        let step = StepTimes(start: 1_000, forwardEnd: 2_000, backwardEnd: 9_000)
        let timeline = GradientTimeline(ranges: ranges, completionTimes: [3_000, 6_000, 2_500, 8_000], step)
        #expect(timeline.points.map(\.floats) == [16, 32, 64, 80])
        #expect(timeline.points.map { Int(($0.seconds * 1e9).rounded()) } == [2_000, 5_000, 5_000, 7_000])
        #expect(timeline.thinned(to: 4) == timeline)
        #expect(timeline.thinned(to: 3).points.map(\.floats) == [16, 64, 80])
        #expect(timeline.thinned(to: 1).points.map(\.floats) == [80])
        let even = GradientTimeline(
            points: (1...1000).map { .init(floats: 16 * $0, seconds: Double($0) * 1e-6) })
        for limit in [2, 7, 256, 999] {
            let thinned = even.thinned(to: limit)
            #expect(thinned.points.count <= limit && thinned.points.count > limit / 2, "\(limit)")
            #expect(thinned.points.last == even.points.last)
        }
        let once = GradientTimeline(points: (1...9).map { .init(floats: 16 * $0, seconds: 1) })
        #expect(once.thinned(to: 3).points == [.init(floats: 144, seconds: 1)])
    }
}
