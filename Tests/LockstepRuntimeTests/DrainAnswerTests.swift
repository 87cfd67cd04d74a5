import LockstepCluster
import LockstepCore
import LockstepFormats
import Testing

@testable import LockstepRuntime

@Suite struct DrainAnswerTests {
    @Test(arguments: [DrainAnswer.Kind.asked, .unknown, .last]) func travelsAsALine(kind: DrainAnswer.Kind) throws {
        let answer = DrainAnswer(kind, worker: "w1\n", processIdentifier: 4711, workers: ["w0", "w1\n"])
        let line = answer.value.text
        #expect(!line.contains("\n"))
        #expect(DrainAnswer(try JSONValue(parsing: Array(line.utf8))) == answer)
    }

    @Test(arguments: [#"{"error":"unknown request"}"#, #"{"event":"drain","answer":"maybe","worker":"w"}"#, "[]"])
    func somethingElseIsNoAnswer(line: String) throws {
        #expect(DrainAnswer(try JSONValue(parsing: Array(line.utf8))) == nil)
    }

    @Test func durations() throws {
        #expect(try DurationText.seconds("30s", option: "--grace") == 30)
        #expect(try DurationText.seconds("1.5m", option: "--grace") == 90)
        for wrong in ["30", "s", "-1s", "nans", "1d", ""] {
            #expect(throws: CommandError.self, "\(wrong)") { try DurationText.seconds(wrong, option: "--grace") }
        }
    }

    @Test func enduranceIsChecked() throws {
        try RunEndurance(minWorkers: 3, maxFailures: 0).check(workers: 3, lanes: 8)
        try RunEndurance(spares: 1024).check(workers: 3, lanes: 8)
        for wrong in [
            RunEndurance(minWorkers: 0), RunEndurance(minWorkers: 4), RunEndurance(maxFailures: -1),
            RunEndurance(spares: -1), RunEndurance(spares: 1025),
        ] {
            #expect(throws: CommandError.self) { try wrong.check(workers: 3, lanes: 8) }
        }
        for workers in [0, 9] {
            #expect(throws: CommandError.self) { try RunEndurance().check(workers: workers, lanes: 8) }
        }
    }
}
