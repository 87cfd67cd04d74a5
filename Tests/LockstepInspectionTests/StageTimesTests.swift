import LockstepTestSupport
import Testing

@testable import LockstepInspection

@Suite struct StageTimesTests {
    /// Moment by moment. The canary lets waiting for data hide communication.
    private func counted(
        _ start: UInt64, _ end: UInt64, _ parts: [(stage: Stage, start: UInt64, end: UInt64)], isCanary: Bool
    ) -> (times: [Stage: UInt64], communication: UInt64) {
        var times: [Stage: UInt64] = [:]
        var communication: UInt64 = 0
        for moment in start..<end {
            let open = Set(parts.filter { $0.start <= moment && moment < $0.end }.map(\.stage))
            if open.contains(.allReduce) { communication += 1 }
            let order: [Stage] =
                isCanary
                ? [.backward, .forward, .update, .load, .allReduce, .snapshot]
                : [.backward, .forward, .update, .allReduce, .snapshot, .load]
            times[order.first { open.contains($0) } ?? .other, default: 0] += 1
        }
        return (times, communication)
    }

    @Test(arguments: [false, true]) func areWhatCountingGives(isCanary: Bool) {
        var differences = 0
        for seed in 1...100 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let start = UInt64.random(in: 0...50, using: &random)
            let end = start + UInt64.random(in: 0...120, using: &random)
            let parts = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                let from = UInt64.random(in: 0...150, using: &random)
                return (
                    stage: Stage.precedence.randomElement(using: &random) ?? .load, start: from,
                    end: from + UInt64.random(in: 0...80, using: &random)
                )
            }
            let times = StageTimes(start: start, end: end, stages: parts)
            let expected = counted(start, end, parts, isCanary: isCanary)
            if isCanary {
                differences += Stage.allCases.count { times[$0] != expected.times[$0] ?? 0 }
                continue
            }
            for stage in Stage.allCases { #expect(times[stage] == expected.times[stage] ?? 0, "seed \(seed) \(stage)") }
            #expect(times.communication == expected.communication, "seed \(seed)")
            #expect(times.total == end - start, "seed \(seed)")
            #expect(times.exposed <= times.communication)
        }
        #expect(isCanary == (differences > 0))
    }
}
