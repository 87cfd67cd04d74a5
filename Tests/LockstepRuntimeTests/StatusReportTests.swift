import LockstepFormats
import Testing

@testable import LockstepRuntime

/// What `lockstep status` says of each worker.
@Suite struct StatusReportTests {
    private func worker(_ name: String, _ members: [(String, JSONValue)]) -> JSONValue {
        .object(
            JSONObject(
                [
                    ("name", .string(name)), ("lanes", .null), ("stage", "idle"), ("step", .number(57)),
                    ("silentSeconds", .number(0.25)), ("isSuspected", .bool(false)), ("isLeaving", .bool(false)),
                    ("waitingFor", .array([])), ("source", .null),
                ].filter { known in !members.contains { $0.0 == known.0 } } + members))
    }

    private func rows(_ workers: JSONValue...) -> [String] {
        let text = StatusReport(["run": "r", "state": "running", "workers": .array(workers)]).text
        return text.split(separator: "\n").dropFirst(2).map {
            $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
    }

    @Test func rolesAreShown() {
        let rows = rows(
            worker("w0", [("role", "member"), ("lanes", [.number(0), .number(4)])]),
            worker("w1", [("role", "observer"), ("source", "w0"), ("step", .number(31))]),
            worker("w2", [("role", "spare"), ("source", "w0")]),
            worker("w3", [("role", "waiting"), ("stage", "preparing")]))
        #expect(rows[0].hasPrefix("w0 0–3 idle 57 "), "\(rows)")
        #expect(rows[1].hasPrefix("w1 observer idle 31 ") && rows[1].hasSuffix("s ago, fed by w0"), "\(rows)")
        #expect(rows[2].hasPrefix("w2 spare idle 57 ") && rows[2].hasSuffix("s ago, fed by w0"), "\(rows)")
        #expect(rows[3].hasPrefix("w3 waiting preparing 57 "), "\(rows)")
    }

    /// A coordinator of an earlier version says nothing of roles.
    @Test func withoutRolesAllAreMembers() {
        let rows = rows(worker("w0", [("lanes", [.number(0), .number(8)])]), worker("w1", []))
        #expect(rows[0].hasPrefix("w0 0–7 idle 57 ") && rows[1].hasPrefix("w1 - idle 57 "), "\(rows)")
    }

    /// How long it has been as it is, not how long there is a coordinator.
    @Test func aStateHasItsOwnTime() {
        func heading(_ state: String) -> String {
            let status: JSONValue = [
                "run": "r", "state": .string(state), "seconds": .number(600), "stateSeconds": .number(2),
            ]
            return StatusReport(status).text
        }
        #expect(heading("paused") == "run       r: paused for 0:02")
        #expect(heading("running") == "run       r: running for 10:00")
    }

    /// Who is not started any more has no row, but a line with the reason.
    @Test func whoIsInQuarantineIsNamed() {
        let status: JSONValue = [
            "run": "r", "state": "running", "workers": .array([worker("w0", [])]),
            "quarantined": .array([["name": "w2", "reason": "it ended three times\u{1B}[2J"]]),
        ]
        let lines = StatusReport(status).text.split(separator: "\n")
        #expect(lines.contains("left out  w2: it ended three times\\u{1b}[2J"), "\(lines)")
        #expect(!StatusReport(["run": "r", "quarantined": .array([])]).text.contains("left out"))
    }

    @Test func foreignTextIsEscaped() {
        let text = rows(worker("w\u{1B}[2J", [("role", "observer"), ("source", "x\u{1B}[2J")])).joined()
        #expect(!text.contains("\u{1B}"))
    }
}
