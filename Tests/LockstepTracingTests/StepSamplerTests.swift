import LockstepTestSupport
import Testing

@testable import LockstepTracing

@Suite struct StepSamplerTests {
    /// The rule, as it is written down, over all that was.
    private func plain(
        _ policy: TracePolicy, _ steps: [(step: UInt64, duration: UInt64, isFailed: Bool)], isCanary: Bool
    )
        -> [StepSampler.Reason?]
    {
        steps.indices.map { index in
            let step = steps[index]
            if policy.isSampled(step: step.step) { return .sample }
            if step.isFailed { return .failed }
            if index < 10 { return .first }
            let window = steps[..<index].filter { !$0.isFailed || isCanary }.suffix(100).map(\.duration).sorted()
            guard window.count >= 10 else { return nil }
            let median = (Double(window[(window.count - 1) / 2]) + Double(window[window.count / 2])) / 2
            return Double(step.duration) > policy.slow * median ? .slow : nil
        }
    }

    @Test(arguments: [false, true]) func isTheRule(isCanary: Bool) {
        var differences = 0
        for seed in 1...4 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let policy = TracePolicy(slow: 1.5, sample: 7)
            let steps = (1...400).map { step in
                let isFailed = Int.random(in: 0..<5, using: &random) == 0
                let longest: UInt64 = isFailed ? 60 : step.isMultiple(of: 9) ? 250 : 120
                return (
                    step: UInt64(step), duration: UInt64.random(in: 50...longest, using: &random), isFailed: isFailed
                )
            }
            var sampler = StepSampler(policy)
            let reasons = steps.map { step -> StepSampler.Reason? in
                // Asked beforehand, as workers do, or not: it is the same.
                if seed.isMultiple(of: 2), !step.isFailed, sampler.passesOver(step: step.step, duration: step.duration)
                {
                    return nil
                }
                return sampler.reason(step: step.step, duration: step.duration, isFailed: step.isFailed)
            }
            if isCanary {
                differences += zip(reasons, plain(policy, steps, isCanary: true)).count { $0 != $1 }
            } else {
                #expect(reasons == plain(policy, steps, isCanary: false), "seed \(seed)")
                #expect(Set(reasons.map { $0?.rawValue ?? "" }).count == 5, "seed \(seed): every reason and none")
            }
        }
        #expect(isCanary == (differences > 0))
    }

    @Test func theSampleIsOneInSoManyAndFallsInWithNothing() {
        let policy = TracePolicy(sample: 10)
        let sampled = (1...20_000 as ClosedRange<UInt64>).filter { policy.isSampled(step: $0) }
        #expect((1850...2150).contains(sampled.count))
        // Of the steps with a snapshot every hundred steps one in ten is sampled too.
        #expect((8...35).contains(sampled.count { $0 % 100 == 0 }))
        #expect((1...100 as ClosedRange<UInt64>).allSatisfy { TracePolicy(sample: 1).isSampled(step: $0) })
    }

    @Test func hugeDurationsAndNoNumbers() {
        var sampler = StepSampler(TracePolicy(sample: .max))
        for _ in 0..<300 { _ = sampler.reason(step: nil, duration: .max, isFailed: false) }
        #expect(sampler.reason(step: nil, duration: .max, isFailed: false) == nil)
        #expect(sampler.reason(step: .max, duration: 0, isFailed: true) == .failed)
    }
}
