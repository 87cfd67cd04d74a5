import LockstepCollectives
import LockstepTestSupport
import Testing

/// Laws that hold for any cluster, and deliberately wrong models that break them.
@Suite struct ScalingTests {
    /// A law's cases: what was simulated, and whether the law held.
    private typealias Law = (_ flaw: ScalingSimulation.Flaw) throws -> Bool

    private func settings(_ bytes: Int, _ workers: Int, links: Int = 1, oneHopBytes: Int = 0) -> ExchangeSettings {
        ExchangeSettings(
            oneHopBytes: oneHopBytes, chunkBytes: ExchangeSettings.chunkBytes(floats: bytes / 4, members: workers),
            links: links)
    }

    private func allReduce(
        _ model: ClusterModel, _ workers: Int, _ bytes: Int, links: Int = 1, oneHopBytes: Int = 0,
        _ flaw: ScalingSimulation.Flaw = .none
    ) throws -> Double {
        try ScalingSimulation.allReduce(
            model, workers: workers, bytes: bytes,
            settings: settings(bytes, workers, links: links, oneHopBytes: oneHopBytes), flaw: flaw)
    }

    private func isNear(_ value: Double, _ expected: Double, within part: Double) -> Bool {
        abs(value - expected) <= part * expected
    }

    /// No worker sends or receives, and no switch carries, more than its rate; nothing arrives before its latency.
    private func neverBeatsTheBound(_ flaw: ScalingSimulation.Flaw) throws -> Bool {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var model = ClusterModel()
            model.latency = Double.random(in: 1e-6...1e-3, using: &random)
            model.bandwidth = Double.random(in: 1e8...1e10, using: &random)
            model.sentByte = Double.random(in: 0...1e-9, using: &random)
            model.receivedByte = Double.random(in: 0...1e-9, using: &random)
            let workers = Int.random(in: 3...9, using: &random)
            model.switchBandwidth = model.bandwidth * Double.random(in: 1...Double(workers), using: &random)
            let bytes = 64 * Int.random(in: 1...20_000, using: &random)
            let links = Int.random(in: 1...3, using: &random)
            let seconds = try allReduce(model, workers, bytes, links: links, flaw)
            let bound = model.bound(bytes: bytes, workers: workers)
            let shared = bound * model.bandwidth * Double(workers) / model.switchBandwidth
            // What comes in and goes out shares the loops.
            let bytesEachWay = 2 * Double(workers - 1) / Double(workers) * Double(bytes)
            let loop = bytesEachWay * (model.sentByte + model.receivedByte) / Double(links)
            guard seconds >= max(bound, shared, loop), seconds >= 2 * model.latency else {
                if flaw == .none { print("seed \(seed): \(workers) workers, \(bytes) bytes, \(links) links") }
                return false
            }
        }
        return true
    }

    /// With two workers each resource can be reckoned by hand.
    private func pairsMeetTheClosedForm(_ flaw: ScalingSimulation.Flaw) throws -> Bool {
        // The network is the limit: the vector once, and the first flush before it and the last turn behind it.
        var wide = ClusterModel.ethernet(gigabits: 10)
        wide.sentByte = 0.05e-9
        wide.receivedByte = 0.05e-9
        let large = 64 << 20
        let network = Double(large) / wide.bandwidth + wide.latency
        // The loops are: they flush, read and add the vector once.
        let near = ClusterModel()
        let adding = near.sentByte + near.receivedByte + near.addedByte
        let flushes = Double(large) / Double(near.flushBytes)
        let loops = Double(large) * adding + flushes * (near.flush + near.read) + near.latency
        // Nothing is but the way: record and bucket leave together.
        let small = near.flush + near.read + near.latency
        let measured = try (
            allReduce(wide, 2, large, flaw), allReduce(near, 2, large, flaw), allReduce(near, 2, 1024, flaw)
        )
        return isNear(measured.0, network, within: 0.03) && isNear(measured.1, loops, within: 0.03)
            && isNear(measured.2, small, within: 0.1)
    }

    /// A vector that all sum in one hop, and one in two, cost so many latencies where nothing else costs.
    private func hopsCostTheirLatency(_ flaw: ScalingSimulation.Flaw) throws -> Bool {
        var model = ClusterModel()
        model.flush = 0
        model.read = 0
        model.sentByte = 0
        model.receivedByte = 0
        model.addedByte = 0
        for workers in [3, 8, 16] {
            let one = try allReduce(model, workers, 1024, oneHopBytes: 1024, flaw)
            let two = try allReduce(model, workers, 1024 * workers, flaw)
            guard isNear(one, model.latency, within: 1e-6), isNear(two, 2 * model.latency, within: 1e-6) else {
                return false
            }
        }
        return true
    }

    /// Everybody waits for the slowest worker: for its delay, and behind it for all that it has to send, its contributions
    /// and the sums of its slice. What the others sent meanwhile gains nothing.
    private func stragglersDelayByTheirDelay(_ flaw: ScalingSimulation.Flaw) throws -> Bool {
        let model = ClusterModel.ethernet(gigabits: 10)
        let (workers, bytes, delay) = (6, 4 << 20, 0.05)
        func step(late: Double) throws -> Double {
            var work = ScalingSimulation.Work()
            work.computation = { worker, _ in worker == 4 ? 0.1 + late : 0.1 }
            var simulation = try ScalingSimulation(
                model, workers: workers, parameters: bytes / 4, settings: settings(bytes, workers), work: work,
                flaw: flaw)
            return try simulation.run()[0]
        }
        let even = try step(late: 0)
        let late = try step(late: delay)
        let bound = model.bound(bytes: bytes, workers: workers)
        return late >= 0.1 + delay + bound + model.latency && late <= even + delay + 0.1 * bound
    }

    /// The contributions of all workers to one meet at its interface: all of them fit through at its rate.
    private func interfacesAreKeptBusy(_ flaw: ScalingSimulation.Flaw) throws -> Bool {
        var model = ClusterModel.ethernet(gigabits: 10)
        model.sentByte = 0.1e-9
        model.receivedByte = 0.1e-9
        for workers in [4, 8, 16] {
            let seconds = try allReduce(model, workers, 32 << 20, flaw)
            let efficiency = model.bound(bytes: 32 << 20, workers: workers) / seconds
            guard efficiency > 0.85, efficiency <= 1 else { return false }
        }
        return true
    }

    @Test func nothingBeatsTheBound() throws { #expect(try neverBeatsTheBound(.none)) }

    @Test func pairs() throws { #expect(try pairsMeetTheClosedForm(.none)) }

    @Test func hops() throws { #expect(try hopsCostTheirLatency(.none)) }

    @Test func stragglers() throws { #expect(try stragglersDelayByTheirDelay(.none)) }

    @Test func efficiency() throws { #expect(try interfacesAreKeptBusy(.none)) }

    @Test("a deliberately wrong model breaks a law", arguments: ScalingSimulation.Flaw.allCases.dropFirst())
    func canary(_ flaw: ScalingSimulation.Flaw) throws {
        let laws: [Law] = [
            neverBeatsTheBound, pairsMeetTheClosedForm, hopsCostTheirLatency, stragglersDelayByTheirDelay,
            interfacesAreKeptBusy,
        ]
        #expect(try laws.contains { try !$0(flaw) })
    }

    @Test("a step hides what is sent while it computes, and no more")
    func overlap() throws {
        let model = ClusterModel.ethernet(gigabits: 10)
        let (workers, bytes, buckets, seconds) = (4, 16 << 20, 8, 0.1)
        func step(_ count: Int) throws -> Double {
            var settings = settings(bytes / count, workers)
            settings.bucketBoundaries = (1..<count).map { $0 * (bytes / 4 / count) }
            var work = ScalingSimulation.Work()
            work.computation = { _, _ in seconds }
            work.readiness = (1...count).map { Double($0) / Double(count) }
            var simulation = try ScalingSimulation(
                model, workers: workers, parameters: bytes / 4, settings: settings, work: work)
            return try simulation.run()[0]
        }
        let whole = try step(1)
        let cut = try step(buckets)
        let last = seconds + model.bound(bytes: bytes / buckets, workers: workers)
        #expect(whole >= seconds + model.bound(bytes: bytes, workers: workers))
        #expect(cut >= last && cut <= seconds + 2 * (last - seconds))
    }

    @Test("steps follow one another, on several rails, in the same time whenever it is asked")
    func steps() throws {
        let model = ClusterModel.ethernet(gigabits: 25)
        let bytes = 2 << 20
        func run() throws -> [Double] {
            var work = ScalingSimulation.Work()
            work.steps = 4
            work.computation = { worker, step in 0.001 * Double(1 + (worker + step) % 3) }
            work.update = 0.0005
            var simulation = try ScalingSimulation(
                model, workers: 5, parameters: bytes / 4, settings: settings(bytes, 5, links: 2), work: work)
            return try simulation.run()
        }
        let ends = try run()
        #expect(ends.count == 4 && zip(ends, ends.dropFirst()).allSatisfy { $0 + 0.0005 < $1 })
        #expect(try run() == ends)
    }
}
