import LockstepCollectives
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Prints the simulated tables of `docs/benchmarks.md`, in a few minutes of a release build:
///
///     LOCKSTEP_SCALING=25,18,2.4 swift test -c release --filter ScalingTable
///
/// with what `lockstep bench allreduce` says here: microseconds of 1 KiB with two workers, microseconds of processor that
/// 1 KiB takes a worker for each link (half of what it takes more with four workers than with two), and GB/s of 16 MiB
/// with two workers.
@Suite(.serialized, .enabled(if: getenv("LOCKSTEP_SCALING") != nil)) struct ScalingTable {
    private static let counts = [2, 4, 8, 16, 32, 64]

    /// Bytes of vectors: a small one, the perceptron's gradient and ResNet-18's.
    private let small = 1 << 10
    private let perceptron = 4 * 669_712
    private let residual = 4 * 11_173_968

    /// Loops as they are measured.
    private let machine: ClusterModel

    init() throws {
        let text = getenv("LOCKSTEP_SCALING").map { String(cString: $0) } ?? ""
        let numbers = text.split(separator: ",").compactMap { Double($0) }
        try #require(numbers.count == 3, "LOCKSTEP_SCALING=<µs of 1 KiB>,<µs of processor a link>,<GB/s of 16 MiB>")
        var model = ClusterModel()
        model.flush = numbers[1] * 1e-6 / 2
        model.read = numbers[1] * 1e-6 / 2
        model.latency = max(0, numbers[0] - numbers[1]) * 1e-6
        // Two workers send, receive and add the vector once, and flush and read it in so many pieces.
        let pieces = model.flush / Double(model.flushBytes) + model.read / Double(model.readBytes)
        let perByte = max(0, 1 / (numbers[2] * 1e9) - model.addedByte - pieces)
        model.sentByte = perByte / 2
        model.receivedByte = perByte / 2
        machine = model
    }

    /// Its machines, each with loops on cores of their own, in a network.
    private func network(gigabits: Double) -> ClusterModel {
        var model = ClusterModel.ethernet(gigabits: gigabits)
        model.flush = machine.flush
        model.read = machine.read
        model.sentByte = machine.sentByte
        model.receivedByte = machine.receivedByte
        return model
    }

    // MARK: What is simulated

    private func settings(_ bytes: Int, _ workers: Int, links: Int = 1) -> ExchangeSettings {
        ExchangeSettings(
            chunkBytes: ExchangeSettings.chunkBytes(floats: bytes / 4 / links, members: workers), links: links)
    }

    private func seconds(_ model: ClusterModel, _ workers: Int, _ bytes: Int, links: Int = 1) throws -> Double {
        try ScalingSimulation.allReduce(
            model, workers: workers, bytes: bytes, settings: settings(bytes, workers, links: links))
    }

    /// Seconds of a step of which `computation` seconds are computed, the gradient in buckets of about 4 MiB.
    private func step(
        _ model: ClusterModel, _ workers: Int, _ bytes: Int, links: Int, _ computation: @escaping (Int) -> Double
    ) throws -> Double {
        let count = max(1, bytes >> 22)
        var settings = settings(bytes / count, workers, links: links)
        settings.bucketBoundaries = (1..<count).map { bytes / 4 / count * $0 / 16 * 16 }
        var work = ScalingSimulation.Work()
        work.steps = 3
        work.computation = { worker, _ in computation(worker) }
        // A third of the step is forward, in the rest the gradient grows evenly.
        work.readiness = (1...count).map { 1.0 / 3 + 2.0 / 3 * Double($0) / Double(count) }
        var simulation = try ScalingSimulation(
            model, workers: workers, parameters: bytes / 4, settings: settings, work: work)
        let ends = try simulation.run()
        return ends[2] - ends[1]
    }

    // MARK: Tables

    /// What `bench allreduce` measures on a machine of two cores, from one worker a core to 32.
    @Test func severalWorkersOnTwoCores() throws {
        let sizes = [small, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20]
        print("\n| workers on two cores | 1 KiB | 64 KiB | 256 KiB | 1 MiB | 4 MiB | 16 MiB | 64 MiB |")
        print("|---|---|---|---|---|---|---|---|")
        for workers in [2, 4, 16, 64] {
            var model = machine
            model.sharedCores = 2
            let times = try sizes.map { time(try seconds(model, workers, $0)) }
            print("| \(workers) | \(times.joined(separator: " | ")) |")
        }
    }

    @Test func allReduce() throws {
        print(
            "\n| workers | 10 Gbit/s: 1 KiB | 2.7 MB | 44.7 MB | 25 Gbit/s: 1 KiB | 2.7 MB | 44.7 MB "
                + "| 100 Gbit/s, 4 links: 1 KiB | 2.7 MB | 44.7 MB |\n|---|---|---|---|---|---|---|---|---|---|")
        for workers in Self.counts {
            var cells: [String] = []
            for (gigabits, links) in [(10.0, 1), (25, 1), (100, 4)] {
                let model = network(gigabits: gigabits)
                for bytes in [small, perceptron, residual] {
                    let seconds = try seconds(model, workers, bytes, links: links)
                    let share = model.bound(bytes: bytes, workers: workers) / seconds
                    cells.append(bytes == small ? time(seconds) : "\(time(seconds)) (\(percent(share)))")
                }
            }
            print("| \(workers) | \(cells.joined(separator: " | ")) |")
        }
    }

    /// Steps of which a lone worker computes a second, shared out evenly. In brackets the part of an ideal speed-up.
    @Test func steps() throws {
        print(
            "\n| workers | computation | 10 Gbit/s: bound | step | 25 Gbit/s: bound | step | 100 Gbit/s, 4 links: bound "
                + "| step | 25 Gbit/s, a switch for a quarter | one worker 10 % slower | all within ±10 % |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        for workers in Self.counts {
            let share = 1 / Double(workers)
            func cell(
                _ model: ClusterModel, links: Int = 1, _ computation: @escaping (Int) -> Double
            ) throws -> String {
                let seconds = try step(model, workers, residual, links: links, computation)
                return "\(time(seconds)) (\(percent(share / seconds)))"
            }
            var cells = [time(share)]
            for (gigabits, links) in [(10.0, 1), (25, 1), (100, 4)] {
                let model = network(gigabits: gigabits)
                cells.append(time(model.bound(bytes: residual, workers: workers)))
                cells.append(try cell(model, links: links) { _ in share })
            }
            var shared = network(gigabits: 25)
            shared.switchBandwidth = shared.bandwidth * max(1, Double(workers) / 4)
            cells.append(try cell(shared) { _ in share })
            cells.append(try cell(network(gigabits: 25)) { $0 == workers - 1 ? share * 1.1 : share })
            // Evenly spread, in an order without rhyme.
            cells.append(
                try cell(network(gigabits: 25)) {
                    share * (0.9 + 0.2 * Double($0 * 37 % workers) / Double(workers - 1))
                })
            print("| \(workers) | \(cells.joined(separator: " | ")) |")
        }
    }

    @Test func hops() throws {
        let sizes = [2, 4, 8, 16, 32, 64, 128]
        print("\n| workers | " + sizes.map { "\($0) KiB: one hop, two" }.joined(separator: " | ") + " |")
        print("|---|" + sizes.map { _ in "---|" }.joined())
        for workers in [3, 4, 8, 16, 32, 64] {
            let cells = try sizes.map { kibibytes in
                let bytes = kibibytes << 10
                return try [bytes, 0].map { limit in
                    let settings = ExchangeSettings(oneHopBytes: limit, chunkBytes: 64 << 10)
                    return time(
                        try ScalingSimulation.allReduce(
                            network(gigabits: 10), workers: workers, bytes: bytes, settings: settings))
                }.joined(separator: ", ")
            }
            print("| \(workers) | \(cells.joined(separator: " | ")) |")
        }
    }

    /// Direct exchange among all, and in two levels: in groups of adjacent workers that own a subtree, then between the
    /// members of all groups that hold the same slice. No overlap between the levels.
    @Test func hundreds() throws {
        let sizes = [small, 256 << 10, perceptron, residual]
        print("\n| workers | links of a worker | 1 KiB | 256 KiB | 2.7 MB | 44.7 MB | bound of 44.7 MB |")
        print("|---|---|---|---|---|---|---|")
        let model = network(gigabits: 25)
        for (workers, group) in [(64, 8), (128, 8), (256, 16), (512, 16)] {
            let direct = try sizes.map { time(try seconds(model, workers, $0)) }
            let bound = time(model.bound(bytes: residual, workers: workers))
            print("| \(workers), direct | \(workers - 1) | \(direct.joined(separator: " | ")) | \(bound) |")
            let groups = workers / group
            let levels = try sizes.map { bytes in
                // A small vector is summed whole in both levels.
                let inner = bytes <= ExchangeSettings.defaultOneHopBytes ? bytes : bytes / group
                return time(try seconds(model, group, bytes) + seconds(model, groups, inner))
            }
            let links = group - 1 + groups - 1
            print(
                "| \(workers), \(groups) groups of \(group) | \(links) | \(levels.joined(separator: " | ")) | \(bound) |"
            )
        }
    }

    // MARK: Texts

    private func time(_ seconds: Double) -> String {
        let micro = seconds * 1e6
        if micro < 1000 { return "\(rounded(micro, 0)) µs" }
        if micro < 1e6 { return "\(rounded(micro / 1e3, micro < 1e4 ? 2 : micro < 1e5 ? 1 : 0)) ms" }
        return "\(rounded(micro / 1e6, 2)) s"
    }

    private func percent(_ share: Double) -> String { "\(rounded(100 * share, 0)) %" }

    private func rounded(_ value: Double, _ digits: Int) -> String {
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let units = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(units)" }
        let rest = String(units % scale)
        return "\(units / scale)." + String(repeating: "0", count: digits - rest.count) + rest
    }
}
