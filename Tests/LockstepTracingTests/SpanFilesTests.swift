import Foundation
import LockstepCore
import LockstepInspection
import Testing

@testable import LockstepTracing

@Suite struct SpanFilesTests {
    private func line(_ index: Int) -> [UInt8] { Array("{\"resourceSpans\":[],\"n\":\(100_000 + index)}\n".utf8) }

    private func contents(_ path: String) -> [UInt8] {
        FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }

    @Test func linesOfEachProcessGoToItsFile() throws {
        let folder = try TemporaryFolder()
        let files = SpanFiles(directory: folder.path + "/traces")
        for index in 0..<3 {
            #expect(files.append(line(index), of: "w0") == nil)
            #expect(files.append(line(10 + index), of: "w1") == nil)
        }
        #expect(contents(folder.path + "/traces/w0.otlp.jsonl") == line(0) + line(1) + line(2))
        #expect(contents(folder.path + "/traces/w1.otlp.jsonl") == line(10) + line(11) + line(12))
    }

    @Test func aFileStaysBoundedAndKeepsTheNewest() throws {
        let folder = try TemporaryFolder()
        let (one, limit) = (line(0).count, 1000)
        let files = SpanFiles(directory: folder.path, limit: limit)
        for index in 0..<500 {
            #expect(files.append(line(index), of: "w0") == nil)
            let older = contents(folder.path + "/w0.previous.otlp.jsonl")
            let newer = contents(folder.path + "/w0.otlp.jsonl")
            #expect(older.count + newer.count <= limit)
            let kept = (older.count + newer.count) / one
            #expect(kept >= min(index + 1, limit / 2 / one))
            #expect(older + newer == ((index + 1 - kept)...index).flatMap { line($0) })
        }
        // More at once than there is room for is left out.
        #expect(files.append((0..<20).flatMap { line($0) }, of: "w0") == nil)
        #expect(contents(folder.path + "/w0.otlp.jsonl").count <= limit / 2)
    }

    @Test func whatAKilledProcessLeftIsCut() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/w0.otlp.jsonl"
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 200_000)
        for torn in [Array(line(1).dropLast()), Array(line(1).prefix(1)), long] {
            for whole in [line(0), []] {
                try Data(whole + torn).write(to: URL(filePath: path))
                #expect(SpanFiles(directory: folder.path).append(line(2), of: "w0") == nil)
                #expect(contents(path) == whole + line(2))
            }
        }
    }

    @Test func whatAPeerInventsIsLeftOut() throws {
        let folder = try TemporaryFolder()
        let files = SpanFiles(directory: folder.path)
        for bytes in [
            "", "x\n", "{\"resourceSpans\":[]}", "{\"resourceSpans\":[\u{1B}[2J]}\n", "{\"resourceSpans\":[]}\nx\n",
        ] { #expect(files.append(Array(bytes.utf8), of: "w0") == nil) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        for name in ["../w0", "/etc/passwd", ".", "..", "", "a b", "a\u{0}b", String(repeating: "x", count: 300)] {
            #expect(files.append(line(0), of: name) == nil)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.count == 8)
        #expect(names.allSatisfy { $0.hasPrefix("process-") && $0.hasSuffix(".otlp.jsonl") })
    }

    @Test func anErrorIsSaidOnceAndEndsTheWriting() throws {
        let folder = try TemporaryFolder()
        // A directory where the file should be.
        try FileManager.default.createDirectory(
            atPath: folder.path + "/w1.otlp.jsonl", withIntermediateDirectories: true)
        let files = SpanFiles(directory: folder.path)
        #expect(files.append(line(0), of: "w0") == nil)
        let error = try #require(files.append(line(0), of: "w1"))
        #expect(error.message.contains("w1.otlp.jsonl: cannot be written: "))
        #expect(error.message.hasSuffix("; no more traces are kept, training goes on"))
        #expect(files.append(line(0), of: "w1") == nil)
        #expect(files.append(line(1), of: "w0") == nil)
        #expect(contents(folder.path + "/w0.otlp.jsonl") == line(0))
        // A link must not lead the writing elsewhere.
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/w2.otlp.jsonl", withDestinationPath: folder.path + "/elsewhere")
        #expect(SpanFiles(directory: folder.path).append(line(0), of: "w2") != nil)
        #expect(SpanFiles(directory: folder.path + "/w0.otlp.jsonl/x").append(line(0), of: "w0") != nil)
    }

    /// From the tracer to the summary.
    @Test func whatIsTracedIsRead() throws {
        let folder = try TemporaryFolder()
        let files = SpanFiles(directory: folder.path)
        for (worker, delay) in [("w0", 0), ("w1", 60)] as [(String, UInt64)] {
            let sink = SpanSink(process: worker, host: "m", policy: TracePolicy(sample: 1))
            let work = StepWork(tracer: SpanTracer(sink: sink))
            for step in 1...20 as ClosedRange<Int64> {
                work.step(step, start: UInt64(step) * 10_000 + delay, duration: step == 7 ? 1200 : 600)
                #expect(files.append(sink.takeLines(), of: worker) == nil)
            }
        }
        let trace = try TraceReader().read(directory: folder.path)
        let summary = TraceSummary(trace)
        #expect(summary.stepCount == 20)
        #expect(summary.workers.map(\.name) == ["w0", "w1"])
        for worker in summary.workers {
            #expect(worker.isSample && worker.steps == 20)
            #expect(worker.median == 600)
            #expect(worker.stages.filter { $0.stage != .other }.allSatisfy { $0.median == 100 && $0.p95 == 100 })
        }
        #expect(summary.workers[1].waitedForSteps == 20)
        #expect(summary.workers[1].meanWait == 60)
        #expect(summary.slowest.first?.step == 7)
        #expect(summary.slowest.first?.wait?.worker == "w1")
        #expect(summary.others.isEmpty)
    }
}
