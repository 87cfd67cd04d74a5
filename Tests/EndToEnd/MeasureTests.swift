import LockstepFormats
import LockstepWire
import Testing

extension ExecutableTests {
    /// What workers measure before, or instead of, training.
    @Suite struct MeasureTests {
        @Test(arguments: [(2, [String](), "tls"), (3, ["--clear"], "clear"), (2, ["--awake"], "tls")])
        func allReducesAreMeasured(workers: Int, options: [String], transport: String) async throws {
            try await TestDirectory.with { directory in
                let outcome = try await directory.run(
                    [
                        "bench", "allreduce", "--workers", "\(workers)", "--sizes", "1K,100K,1M", "--rounds", "3",
                        "--json",
                    ]
                        + options)
                #expect(outcome.end == .exited(0), "\(outcome)")
                let events = try outcome.events
                #expect(events.compactMap { $0["bytes"]?.int } == [1024, 102_400, 1 << 20])
                for event in events {
                    #expect(event["event"]?.string == "allreduce" && event["workers"]?.int == workers)
                    #expect(event["transport"]?.string == transport)
                    let median = try #require(event["medianMicroseconds"]?.double)
                    let mean = try #require(event["meanMicroseconds"]?.double)
                    let percentile = try #require(event["p99Microseconds"]?.double)
                    let rate = try #require(event["gigabytesPerSecond"]?.double)
                    #expect(median > 0 && mean > 0 && percentile >= median)
                    #expect(abs(rate * median * 1000 / Double(event["bytes"]?.int ?? 0) - 1) < 1e-6)
                }
                #expect(directory.contents.isEmpty, "\(directory.contents)")
            }
        }

        /// As between machines: who measures listens, and each worker comes with an identity of its own.
        @Test func workersJoinAMeasurement() async throws {
            try await TestDirectory.with { directory in
                let cluster = try HandCluster(in: directory)
                for name in ["w0", "w1"] {
                    _ = try cluster.authority.issue(role: .worker, name: name, into: directory[name])
                }
                let coordinator = try await HandCluster.Coordinator(
                    directory.start([
                        "bench", "allreduce", "--listen", "127.0.0.1:0", "--identity", "c0", "--workers", "2",
                        "--sizes", "4K", "--rounds", "2", "--json",
                    ]))
                let workers = ["w0", "w1"].map { name in
                    directory.start(["bench", "allreduce", "--join", coordinator.address, "--identity", name])
                }
                let outcome = try await coordinator.process.outcome()
                #expect(outcome.end == .exited(0), "\(outcome)")
                #expect(try outcome.events.compactMap { $0["bytes"]?.int } == [4096])
                for worker in workers { #expect(try await worker.outcome().end == .exited(0)) }
            }
        }

        /// A worker that was not told so by whoever started it gives up no encryption.
        @Test func clearLinksNeedBothSides() async throws {
            try await TestDirectory.with { directory in
                let cluster = try HandCluster(in: directory)
                let coordinator = try await HandCluster.Coordinator(
                    directory.start([
                        "bench", "allreduce", "--listen", "127.0.0.1:0", "--identity", "c0", "--workers", "2",
                        "--sizes", "4K", "--rounds", "2", "--json", "--clear",
                    ]))
                let first = try cluster.worker("w0", join: coordinator.address)
                let second = try cluster.worker("w1", join: coordinator.address)
                let outcome = try await coordinator.process.outcome()
                #expect(outcome.end == .exited(1), "\(outcome)")
                #expect(try outcome.events.isEmpty)
                #expect(outcome.errors.contains { $0.contains("TLS") }, "\(outcome)")
                for worker in [first, second] { _ = try await worker.outcome() }
            }
        }

        @Test func planMeasures() async throws {
            try await TestDirectory.with { directory in
                try directory.write(
                    """
                    model: [flatten, linear: 300, relu, linear: 10]
                    loss: softmaxCrossEntropy
                    optimizer: {sgd: {learningRate: 0.1}}
                    data: {train: {randomImages: {count: 64, height: 8, width: 8, channels: 1, classes: 10}}}
                    batchSize: 16
                    steps: 4
                    """, to: "job.yaml")
                let outcome = try await directory.run(["plan", "job.yaml", "--workers", "2", "--measure", "--json"])
                #expect(outcome.end == .exited(0), "\(outcome)")
                let plan = try #require(try outcome.events.first)
                let exchange = try #require(plan["exchange"])
                #expect((exchange["links"]?.int ?? 0) >= 1)
                #expect((exchange["trials"]?.array ?? []).isEmpty == false)
                let buckets = try #require(exchange["buckets"]?.array)
                let ends = buckets.compactMap { $0["floats"]?.array?.last?.int }
                #expect(Array(ends.dropLast()) == exchange["bucketBoundaries"]?.array?.compactMap(\.int))
                #expect(buckets.reduce(0) { $0 + ($1["bytes"]?.int ?? 0) } == 4 * (ends.last ?? 0))
                let text = try await directory.run(["plan", "job.yaml", "--workers", "2", "--measure"])
                #expect(text.output.contains { $0.hasPrefix("gradients ") }, "\(text)")
                let unmeasured = try await directory.run(["plan", "job.yaml", "--workers", "2"])
                #expect(unmeasured.output.contains { $0.contains("--measure") }, "\(unmeasured)")
                #expect(directory.contents == ["job.yaml"], "\(directory.contents)")
            }
        }

        @Test(arguments: [
            (["--sizes", "1T"], "--sizes"), (["--workers", "0"], "--workers 0"), (["--awake", "--asleep"], "asleep"),
            (["--listen", "127.0.0.1:0"], "--identity"), (["--join", "127.0.0.1:1"], "--identity"),
            (["--cores", "0"], "--join"), (["--join", "127.0.0.1:1", "--identity", "d", "--json"], "--json"),
        ])
        func mistakesAreNamed(options: [String], words: String) async throws {
            try await TestDirectory.with { directory in
                try await directory.run(["bench", "allreduce"] + options).expectRefusal(naming: words)
            }
        }
    }
}
