import Foundation
import LockstepCore
import LockstepFormats
import Testing

@testable import LockstepRuntime

/// `metrics.jsonl` when a run is opened again.
@Suite struct RunRecorderTests {
    private static func line(_ step: Int) -> String { #"{"step":\#(step),"loss":0.5}"# + "\n" }

    /// What is left of `text` when the run goes on after `step` and then does one more, and the last step kept.
    private func kept(_ text: String, after step: Int) throws -> (text: String, lastStep: Int) {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-recorder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = RunDirectory(path: path)
        try text.write(toFile: directory.metrics, atomically: true, encoding: .utf8)
        let recorder = try RunRecorder(directory, after: step)
        let next = recorder.kept.lastStep + 1
        try recorder.append(["step": .number(next)], step: UInt32(next))
        return (try String(contentsOfFile: directory.metrics, encoding: .utf8), recorder.kept.lastStep)
    }

    @Test func aRunThatGoesOnFromASnapshotLosesWhatIsDoneAgain() throws {
        let text = (1...6).map(RunRecorderTests.line).joined()
        let kept = try kept(text, after: 4)
        #expect(kept.lastStep == 4)
        #expect(kept.text == (1...4).map(RunRecorderTests.line).joined() + #"{"step":5}"# + "\n")
    }

    /// Workers that lost only their coordinator never do these steps again.
    @Test(arguments: ["", #"{"step":7,"lo"#, #"{"step":7}"#]) func aRunThatIsTakenOverKeepsWholeLines(torn: String)
        throws
    {
        let whole = (1...6).map(RunRecorderTests.line).joined()
        let kept = try kept(whole + torn, after: 1000)
        #expect(kept.lastStep == 6)
        #expect(kept.text == whole + #"{"step":7}"# + "\n")
    }

    @Test func stepsOnlyRise() throws {
        let text = [1, 2, 5, 5, 6].map(RunRecorderTests.line).joined()
        let kept = try kept(text, after: 1000)
        #expect(kept.lastStep == 5)
        #expect(kept.text.hasPrefix([1, 2, 5].map(RunRecorderTests.line).joined()))
    }

    @Test func generationsAreCounted() throws {
        let text = [2, 2, 5, 5, 5].enumerated().map { #"{"step":\#($0 + 1),"generation":\#($1)}"# + "\n" }.joined()
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-recorder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: RunDirectory(path: path).metrics, atomically: true, encoding: .utf8)
        let kept = try RunRecorder(RunDirectory(path: path), after: 1000).kept
        #expect(kept.generations == [.init(number: 2, steps: 2), .init(number: 5, steps: 3)])
    }

    /// Workers forget what they are told is covered, so that must outlive a loss of power.
    @Test func linesAreCoveredWhenTheyLast() throws {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-recorder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = RunDirectory(path: path)
        try (1...6).map(RunRecorderTests.line).joined().write(
            toFile: directory.metrics, atomically: true, encoding: .utf8)
        let recorder = try RunRecorder(directory, after: 1000)
        // What an earlier coordinator wrote lasts before anyone hears of it. Reports that were lost have no line.
        #expect(recorder.covered(upTo: 6) == 6 && recorder.covered(upTo: 8) == 8)
        #expect(!recorder.beginsSynchronizing())
        for step in [9, 10] as [UInt32] { try recorder.append(["step": .number(step)], step: step) }
        #expect(recorder.covered(upTo: 10) == 6 && recorder.covered(upTo: 4) == 4)
        #expect(recorder.beginsSynchronizing() && !recorder.beginsSynchronizing())
        try recorder.synchronize()
        #expect(recorder.covered(upTo: 10) == 10)
        try recorder.append(["step": .number(11)], step: 11)
        #expect(recorder.covered(upTo: 11) == 10 && recorder.beginsSynchronizing())
    }

    /// What a ping says twice is what the coordinator is missing; of a slow disk nobody is to think that.
    @Test func aSlowDiskMissesNothing() throws {
        let path = FileManager.default.temporaryDirectory.path + "/lockstep-recorder-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let recorder = try RunRecorder(RunDirectory(path: path), after: 1000)
        func told(upTo step: UInt32) -> [UInt32] {
            recorder.beginPings()
            // As many as there are workers.
            return (0..<2).map { _ in recorder.toldByPing(upTo: step) }
        }
        try recorder.append(["step": 1], step: 1)
        try recorder.synchronize()
        try recorder.append(["step": 2], step: 2)
        #expect(told(upTo: 2) == [1, 1])
        #expect(told(upTo: 2) == [0, 0])
        try recorder.synchronize()
        try recorder.append(["step": 3], step: 3)
        #expect(told(upTo: 3) == [2, 2])
        try recorder.synchronize()
        // Now what is missing is missing.
        #expect(told(upTo: 3) == [3, 3] && told(upTo: 3) == [3, 3])
    }

    /// No job has such a step.
    @Test func aNumberThatNoStepHasIsDamage() throws {
        let text = RunRecorderTests.line(1) + #"{"step":\#(Int.max)}"# + "\n"
        #expect(try kept(text, after: 1000).lastStep == 1)
    }

    @Test func nothingIsThere() throws {
        #expect(try kept("", after: 1000).lastStep == 0)
        #expect(try kept("no JSON\n", after: 1000).text == #"{"step":1}"# + "\n")
    }
}
