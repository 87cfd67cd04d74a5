import LockstepFormats
import LockstepTestSupport
import Testing

@testable import LockstepInspection

@Suite struct TraceSummaryTests {
    /// The same figures, plainly.
    @Test func isWhatCountingGives() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let trace = TestTraces.random(seed)
            let summary = TraceSummary(trace)
            let steps = trace.spans.filter { $0.name == "step" }
            #expect(summary.workers.map(\.name) == ["w0", "w1", "w2"], "seed \(seed)")
            #expect(summary.failed.count == steps.count(where: \.isFailed))
            var waits: [String: [UInt64]] = [:]
            for number in Set(steps.compactMap(\.step)) {
                var arrivals: [(time: UInt64, process: Int)] = []
                for step in steps where step.step == number && !step.isFailed {
                    let ends = trace.spans.filter { $0.parent == step.identifier && $0.name == "backward" }.map(\.end)
                    if let end = ends.max() { arrivals.append((end, step.process)) }
                }
                guard arrivals.count > 1, let last = arrivals.map(\.time).max(), let first = arrivals.map(\.time).min()
                else { continue }
                // Where two come at once, either may be named.
                guard arrivals.count(where: { $0.time == last }) == 1 else { continue }
                waits["w\(arrivals.first { $0.time == last }?.process ?? -1)", default: []].append(last - first)
            }
            for (process, worker) in summary.workers.enumerated() {
                let own = steps.filter { $0.process == process && !$0.isFailed }
                #expect(worker.steps == own.count)
                let durations = own.map(\.duration).sorted()
                #expect(worker.median == durations[(durations.count + 1) / 2 - 1], "seed \(seed)")
                #expect(abs(worker.stages.reduce(0) { $0 + $1.share } - 1) < 1e-12, "seed \(seed)")
                #expect(worker.exposed <= worker.communication)
                let known = waits[worker.name] ?? []
                #expect(worker.waitedForSteps == known.count, "seed \(seed) \(worker.name)")
                if !known.isEmpty { #expect(worker.meanWait == known.reduce(0, +) / UInt64(known.count)) }
            }
            let longest = steps.filter { !$0.isFailed }.map(\.duration).max()
            #expect(summary.slowest.first?.duration == longest, "seed \(seed)")
            #expect(summary.slowest.map(\.duration) == summary.slowest.map(\.duration).sorted(by: >))
        }
    }

    /// Two workers; the second is late in step 3 because of its forward.
    private func trace(hosts: [String?]) -> Trace {
        var trace = Trace()
        trace.processes = [TraceProcess(name: "w2", host: hosts[0]), TraceProcess(name: "w10", host: hosts[1])]
        for process in 0..<2 {
            for number in 1...20 as ClosedRange<UInt64> {
                let late: UInt64 = process == 1 && number == 3 ? 500 : 0
                let start = number * 10_000
                let identifier = number * 100 + UInt64(process) * 10
                var step = TraceSpan(
                    process: process, name: "step", identifier: identifier, parent: nil, start: start,
                    end: start + 1000 + (number == 3 ? 500 : 0))
                step.step = UInt32(number)
                step.reason = .sample
                trace.spans.append(step)
                let times: [(String, UInt64, UInt64)] = [
                    ("forward", 0, 300 + late), ("backward", 300 + late, 700 + late),
                    ("all-reduce", 600, 900 + (number == 3 ? 500 : 0)),
                ]
                for (index, part) in times.enumerated() {
                    var span = TraceSpan(
                        process: process, name: part.0, identifier: identifier + 1 + UInt64(index), parent: identifier,
                        start: start + part.1, end: start + part.2)
                    if part.0 == "all-reduce", process == 0 { span.waitedFor = "w10" }
                    trace.spans.append(span)
                }
            }
        }
        return trace
    }

    @Test func namesWhoWasWaitedForAndWhy() throws {
        let summary = TraceSummary(trace(hosts: ["m", "m"]), slowest: 1)
        #expect(summary.workers.map(\.name) == ["w2", "w10"])
        let slow = try #require(summary.slowest.first)
        #expect(slow.step == 3 && slow.duration == 1500)
        #expect(slow.wait?.worker == "w10" && slow.wait?.nanoseconds == 500)
        #expect(slow.worker == "w10" && slow.stage == .forward && slow.excess == 500)
        let worker = try #require(summary.workers.first)
        // 300 of communication, 100 of it beneath backward.
        #expect(worker.communication == 20 * 300 + 500 && worker.exposed == 20 * 200 + 500)
    }

    @Test func clocksOfDifferentMachinesAreNotCompared() throws {
        let summary = TraceSummary(trace(hosts: ["m", "n"]), slowest: 1)
        let slow = try #require(summary.slowest.first)
        #expect(slow.wait?.worker == "w10")
        #expect(slow.wait?.nanoseconds == nil)
        #expect(summary.workers.map(\.meanWait) == [nil, nil])
        #expect(TraceSummaryText.lines(summary).contains { $0.contains("the others waited for w10") })
    }

    @Test func slowStepsDoNotSpoilTheSample() throws {
        var trace = trace(hosts: ["m", "m"])
        for index in trace.spans.indices where trace.spans[index].step ?? 20 < 9 {
            trace.spans[index].reason = .slow
            trace.spans[index].end += 50_000
        }
        let worker = try #require(TraceSummary(trace).workers.first)
        #expect(worker.isSample && worker.steps == 12 && worker.p95 == 1000)
        for index in trace.spans.indices where trace.spans[index].step ?? 0 < 14 { trace.spans[index].reason = .slow }
        let few = TraceSummary(trace)
        #expect(few.workers.first?.steps == 20)
        #expect(few.workers.first?.isSample == false)
        #expect(TraceSummaryText.lines(few).contains { $0.hasPrefix("too few sampled steps") })
    }

    @Test func extremeTimesDoNotOverflow() {
        var trace = trace(hosts: ["m", "m"])
        for index in trace.spans.indices {
            trace.spans[index].start = 0
            trace.spans[index].end = UInt64(Int64.max)
        }
        let summary = TraceSummary(trace)
        #expect(abs(summary.workers[0].stages.reduce(0) { $0 + $1.share } - 1) < 1e-9)
        #expect(!TraceSummaryText.lines(summary).isEmpty)
        #expect(!summary.json.bytes.isEmpty)
        #expect(TraceSummary(Trace()).workers.isEmpty)
        #expect(TraceSummaryText.lines(TraceSummary(Trace())) == ["no step left spans"])
    }

    @Test func percentagesAddUp() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            var shares = (0..<7).map { _ in Bool.random(using: &random) ? 0 : Double.random(in: 0...1, using: &random) }
            let sum = shares.reduce(0, +)
            shares = sum > 0 ? shares.map { $0 / sum } : [1, 0, 0, 0, 0, 0, 0]
            let tenths = FigureText.percentages(shares).map { text in
                Int(text.filter(\.isNumber)) ?? -1
            }
            #expect(tenths.reduce(0, +) == 1000)
            for (share, tenth) in zip(shares, tenths) { #expect(abs(share * 1000 - Double(tenth)) <= 1) }
        }
        #expect(FigureText.percentages([1 / 3, 1 / 3, 1 / 3]) == ["33.4 %", "33.3 %", "33.3 %"])
    }

    @Test(arguments: [1, 40, 41, 53, 60, 80, 200]) func textFitsTheTerminalAndIsSafe(width: Int) {
        for seed in 1...5 as ClosedRange<UInt64> {
            var trace = TestTraces.random(seed)
            trace.processes[0].name = "w\u{1B}[31m\u{202E}\n" + String(repeating: "漢", count: 80)
            for index in trace.spans.indices where trace.spans[index].name == "something" {
                trace.spans[index].parent = nil
                trace.spans[index].name = "evil\u{7}\t" + String(repeating: "x", count: 300)
            }
            for line in TraceSummaryText.lines(TraceSummary(trace), width: width) {
                #expect(TextColumns.width(line) <= max(40, width), "\(line)")
                let bad = line.unicodeScalars.filter { [.control, .format].contains($0.properties.generalCategory) }
                #expect(bad.isEmpty)
            }
        }
    }

    @Test func times() {
        let shown: [(UInt64, String)] = [
            (0, "0 ns"), (999, "999 ns"), (1000, "1.00 µs"), (9994, "9.99 µs"), (9996, "10.0 µs"), (99_960, "100 µs"),
            (999_499, "999 µs"), (999_500, "1.00 ms"), (3_120_000, "3.12 ms"), (1_200_000_000, "1.20 s"),
            (599_000_000_000, "599 s"), (600_000_000_000, "10:00"), (7_384_000_000_000, "2:03:04"),
        ]
        for (time, text) in shown { #expect(FigureText.time(time) == text) }
    }

    @Test func theJSONHasEverything() throws {
        let value = try JSONValue(parsing: TraceSummary(trace(hosts: ["m", "m"])).json.bytes)
        let worker = try #require(value["workers"]?.array?.first)
        #expect(worker["stages"]?.array?.compactMap { $0["name"]?.string } == Stage.allCases.map(\.rawValue))
        let shares = worker["stages"]?.array?.compactMap { $0["share"]?.double } ?? []
        #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
        #expect(value["slowest"]?.array?.first?["waitedFor"] == "w10")
        #expect(value["firstStep"]?.int == 1 && value["lastStep"]?.int == 20 && value["steps"]?.int == 20)
    }
}
