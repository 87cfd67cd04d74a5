import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepFormats
import Testing

@testable import LockstepRuntime

/// How failures that a run survived read.
@Suite struct IncidentReportTests {
    private func incident(workers: Int) -> Incident {
        let members = (0..<workers).map {
            Roster.Member(
                name: "w\($0)", process: ProcessNumber(UInt64($0 + 1)), host: "h", ports: [1], lanes: $0..<$0 + 1)
        }
        let verdict = Verdict(
            worker: "w1", stage: .backward, step: 57, cause: "signal 9 (SIGKILL)",
            message: "worker w1 was lost in backward of step 57: signal 9 (SIGKILL)")
        return Incident(
            verdict: verdict, noticedAt: 1_000_000_000, resumedAt: 1_120_000_000,
            roster: Roster(
                generation: 4, members: members, startStep: 56, stateHash: StateHash(high: 1, low: 2),
                exchange: ExchangeSettings(bucketBoundaries: [])))
    }

    @Test func saysWhoWhereWhyAndWhatWasDone() {
        #expect(
            IncidentReport(incident(workers: 2)).message
                == "worker w1 was lost in backward of step 57: signal 9 (SIGKILL); "
                + "2 workers go on from step 56 after 0.12 s")
        #expect(IncidentReport(incident(workers: 1)).message.hasSuffix("; 1 worker goes on from step 56 after 0.12 s"))
    }

    /// What comes out of an incident later is no second one.
    @Test func damageBelongsToItsIncident() {
        func report(of worker: String, generation: UInt32) -> IncidentReport {
            IncidentReport(
                Damage(step: 7, tensors: [.init(name: "0.weight", count: 1, firstIndex: 12)]), of: worker,
                generation: generation, at: 0)
        }
        var incident = IncidentReport(incident(workers: 2))
        let said = incident.message
        #expect(!incident.add(report(of: "w1", generation: 5)) && !incident.add(report(of: "w0", generation: 4)))
        #expect(incident.message == said)
        let damage = report(of: "w1", generation: 4)
        #expect(incident.add(damage) && incident.message == said + "; " + damage.message)
        var other = damage
        let isTaken = other.add(damage)
        #expect(!isTaken)
    }

    @Test func programsGetTheParts() {
        let value = IncidentReport(incident(workers: 2)).value(at: 3_000_000_000)
        #expect(value["worker"]?.string == "w1" && value["step"]?.int == 57 && value["workers"]?.int == 2)
        #expect(value["stage"]?.string == "backward" && value["generation"]?.int == 4)
        #expect(value["secondsAgo"]?.double == 2 && abs((value["seconds"]?.double ?? 0) - 0.12) < 1e-9)
    }

    @Test func damageNamesTensors() {
        let damage = Damage(
            step: 7,
            tensors: [
                .init(name: "0.weight", count: 1, firstIndex: 12),
                .init(name: "evil\u{1B}[2J", count: 2000, firstIndex: 0),
            ])
        let message = IncidentReport(damage, of: "w2", generation: 3, at: 0).message
        #expect(message.contains("0.weight (1 element, the first at 12)"))
        #expect(message.contains("(2,000 elements, the first at 0)") && !message.contains("\u{1B}"))
        #expect(message.hasPrefix("the state of step 7 in worker w2 was damaged: "))
    }
}
