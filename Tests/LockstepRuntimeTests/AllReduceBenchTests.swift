import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepFormats
import Testing

@testable import LockstepRuntime

@Suite struct AllReduceBenchTests {
    // MARK: Sizes

    @Test func sizesAreRead() throws {
        #expect(try VectorSizes.read("4") == [4])
        #expect(try VectorSizes.read("1K,256K,4M,1G") == [1024, 256 << 10, 4 << 20, 1 << 30])
        #expect(try VectorSizes.read("12,1024") == [12, 1024])
        #expect(VectorSizes.usual.first == 1024 && VectorSizes.usual.last == 256 << 20)
    }

    @Test(arguments: ["", "1K,", "0", "-4", "3", "1k", "1T", "5G", "K", "9223372036854775807", "8 M"])
    func sizesThatAreNoneAreRefused(text: String) {
        let error = #expect(throws: CommandError.self) { try VectorSizes.read(text) }
        #expect(error?.exitCode == .usage && error?.message.contains("--sizes") == true)
    }

    @Test func sizesReadWell() {
        #expect(VectorSizes.text(1024) == "1 KiB")
        #expect(VectorSizes.text(256 << 20) == "256 MiB")
        #expect(VectorSizes.text(3 << 10) == "3 KiB")
        #expect(VectorSizes.text(1 << 30) == "1 GiB")
        #expect(VectorSizes.text(5000) == "5,000 B")
    }

    // MARK: Rows

    private func result(_ seconds: [[Double]], floats: Int = 256, processor: Double = 0) -> TrialResult {
        let members = seconds.enumerated().map { index, seconds in
            TrialResult.Member(
                name: "w\(index)",
                measured: Measured(generation: 1, number: 0, seconds: seconds, processorSeconds: processor))
        }
        let trial = Trial(
            settings: ExchangeSettings(), elementCount: floats, rounds: seconds.first?.count ?? 0, warmUpRounds: 0)
        return TrialResult(trial: trial, members: members)
    }

    /// A round takes the mean of its workers, not that of one of them or of the slowest.
    @Test func aRoundIsTheMeanOfItsWorkers() {
        let row = AllReduceRow(result([[1e-6, 5e-6, 2e-6], [3e-6, 1e-6, 8e-6]]))
        #expect(row.workers == 2 && row.rounds == 3 && row.bytes == 1024)
        #expect(abs(row.median - 3e-6) < 1e-12)
        #expect(abs(row.mean - 10e-6 / 3) < 1e-12)
        #expect(abs(row.percentile99 - 5e-6) < 1e-12)
        #expect(abs(row.gigabytesPerSecond - 1024 / 3e-6 / 1e9) < 1e-9)
    }

    @Test(arguments: [(1, 1), (2, 2), (99, 99), (100, 99), (101, 100), (200, 198), (1000, 990)])
    func thePercentileIsTheNearestRank(rounds: Int, rank: Int) {
        let seconds = (1...rounds).map(Double.init).reversed()
        #expect(AllReduceRow(result([Array(seconds)])).percentile99 == Double(rank))
    }

    @Test func aRowForPrograms() throws {
        let row = AllReduceRow(result([[2e-3, 2e-3], [2e-3, 2e-3]], floats: 1 << 20, processor: 6e-3))
        let text = row.value(transport: "tls", links: 2, isAwake: true, congestionControl: "reno").text
        #expect(text.hasPrefix("{\"event\":\"allreduce\",\"workers\":2,\"bytes\":4194304,\"transport\":\"tls\""))
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(value["medianMicroseconds"]?.double == 2000 && value["meanMicroseconds"]?.double == 2000)
        #expect(value["p99Microseconds"]?.double == 2000)
        #expect(value["gigabytesPerSecond"]?.double.map { abs($0 - 2.097152) < 1e-9 } == true)
        #expect(value["processorMicroseconds"]?.double == 3000 && value["links"]?.int == 2)
        #expect(row.line.hasPrefix("   4 MiB ") && row.line.contains("2.097"))
        #expect(row.line.count == AllReduceRow.heading.count)
    }

    // MARK: What is refused

    @Test(arguments: [
        (1, 1, 5, "--workers 1"), (5000, 1, 5, "--workers 5000"), (2, 0, 5, "--links 0"), (2, 17, 5, "--links 17"),
        (2, 1, 0, "--rounds 0"), (2, 1, 10_001, "--rounds 10001"),
    ])
    func mistakesAreNamed(workers: Int, links: Int, rounds: Int, words: String) {
        let error = #expect(throws: CommandError.self) {
            try AllReduceBench(
                AllReduceBench.Options(
                    workers: workers, sizes: "1K", rounds: rounds, isClear: false, links: links, isAwake: false,
                    listen: nil, identity: nil, json: true))
        }
        #expect(error?.exitCode == .usage && error?.message.hasPrefix(words) == true, "\(String(describing: error))")
    }

    @Test(arguments: [("127.0.0.1:0", nil), (nil, "directory")] as [(String?, String?)])
    func whoListensNeedsAnIdentity(listen: String?, identity: String?) {
        let error = #expect(throws: CommandError.self) {
            try AllReduceBench(
                AllReduceBench.Options(
                    workers: 2, sizes: nil, rounds: nil, isClear: false, links: 1, isAwake: false, listen: listen,
                    identity: identity, json: true))
        }
        #expect(error?.exitCode == .usage)
    }
}
