import LockstepCluster
import LockstepCollectives
import Testing

@Suite struct ExchangeTuningTests {
    private typealias Circumstances = ExchangeTuning.Circumstances

    private static let floats = 2_000_000

    /// All members take `seconds` for a round of a trial, and complete the gradient evenly within 40 ms.
    private func run(
        _ circumstances: Circumstances, seconds: (Trial) -> Double
    ) -> (trials: [Trial], outcome: TunedExchange) {
        var tuning = ExchangeTuning(circumstances)
        var trials: [Trial] = []
        while let trial = tuning.trial, trials.count < 20 {
            trials.append(trial)
            let timeline = (1...20).map { point in
                GradientPoint(floats: circumstances.elementCount * point / 20, seconds: 0.002 * Double(point))
            }
            let members = (0..<circumstances.members).map { member in
                TrialResult.Member(
                    name: "w\(member)",
                    measured: Measured(
                        generation: 1, number: trials.count - 1,
                        seconds: Array(repeating: seconds(trial), count: trial.rounds), processorSeconds: 0,
                        timeline: trial.computeSteps > 0 ? timeline : []))
            }
            tuning.take(TrialResult(trial: trial, members: members))
        }
        return (trials, tuning.outcome)
    }

    /// 1 GB/s over one link and a bit more over two, 50 µs asleep and 15 µs awake.
    private func usual(_ trial: Trial) -> Double {
        let latency = trial.settings.staysAwake ? 15e-6 : 50e-6
        return latency + Double(trial.byteCount) / (trial.settings.links > 1 ? 1.02e9 : 1e9)
    }

    @Test func whatCannotMatterIsNotMeasured() {
        let all = ExchangeWish(links: 2, bucketBytes: 1 << 20)
        let idle = [
            Circumstances(elementCount: Self.floats, members: 1), Circumstances(elementCount: 0, members: 2),
            Circumstances(elementCount: 16_384, members: 4),
            Circumstances(elementCount: Self.floats, members: 2, wish: all, offeredLinks: 2, spareCores: 4),
        ]
        for circumstances in idle { #expect(ExchangeTuning(circumstances).trial == nil, "\(circumstances)") }
        let decided = ExchangeTuning(idle[3]).outcome
        #expect(decided.settings.links == 2)
        #expect(
            decided.settings.bucketBoundaries == [
                262_144, 524_288, 786_432, 1_048_576, 1_310_720, 1_572_864, 1_835_008,
            ])
        #expect(decided.trials.isEmpty && decided.buckets.isEmpty && decided.latencySeconds == 0)
        // Where someone only wants to see it, all is measured.
        let shown = Circumstances(elementCount: 1000, members: 2, wish: all, isThorough: true)
        #expect(run(shown, seconds: usual).trials.map(\.elementCount) == [256, 1000])
        // But what is shown is what training would do: a small gradient is not cut, however much that would seem to gain.
        let small = run(Circumstances(elementCount: 16_384, members: 2, isThorough: true)) { _ in 50e-6 }
        #expect(small.outcome.settings.bucketBoundaries.isEmpty && !small.outcome.timeline.isEmpty)
    }

    @Test func oneAfterTheOtherIsTried() {
        let circumstances = Circumstances(elementCount: Self.floats, members: 2, offeredLinks: 4, spareCores: 4)
        let (trials, outcome) = run(circumstances, seconds: usual)
        #expect(trials.map(\.elementCount) == [256, 256, 1 << 20, 1 << 20, 1 << 20])
        #expect(trials.map(\.settings.staysAwake) == [false, true, true, true, true])
        #expect(trials.map(\.settings.links) == [1, 1, 1, 2, 4])
        #expect(trials.map(\.computeSteps) == [3, 0, 0, 0, 0])
        // Two links are not 5 % faster.
        #expect(outcome.settings.links == 1 && outcome.settings.staysAwake)
        #expect(abs(outcome.latencySeconds - 16e-6) < 1e-6 && abs(outcome.bytesPerSecond / 1e9 - 1) < 0.01)
        #expect(outcome.trials.map(\.trial) == trials)
        #expect(outcome.buckets.last?.range.upperBound == Self.floats)
        #expect(outcome.buckets.dropLast().map(\.range.upperBound) == outcome.settings.bucketBoundaries)
        #expect(outcome.summary.contains("1 link a pair, awake while they wait, 16 µs for a small one, 996 MB/s"))
    }

    @Test func linksAreWorthTheirWhile() {
        let circumstances = Circumstances(elementCount: Self.floats, members: 4, offeredLinks: 3, spareCores: 1)
        let (trials, outcome) = run(circumstances) { trial in
            usual(trial) / (trial.settings.links == 2 && trial.byteCount > 1024 ? 1.5 : 1)
        }
        // Nobody offers four, and two loops would poll on one spare core.
        #expect(trials.map(\.settings.links) == [1, 1, 1, 2])
        #expect(outcome.settings.links == 2 && !outcome.settings.staysAwake)
    }

    @Test func loopsStayAwakeOnlyOnCoresToSpareAndWhereItPays() {
        let none = run(Circumstances(elementCount: Self.floats, members: 2), seconds: usual)
        #expect(!none.trials.contains { $0.settings.staysAwake } && !none.outcome.settings.staysAwake)
        let useless = run(Circumstances(elementCount: Self.floats, members: 2, spareCores: 2)) { trial in
            50e-6 + Double(trial.byteCount) / 1e9
        }
        #expect(useless.trials.contains { $0.settings.staysAwake } && !useless.outcome.settings.staysAwake)
        // A small gradient: only this is of interest.
        let small = run(Circumstances(elementCount: 1000, members: 2, spareCores: 1), seconds: usual)
        #expect(small.trials.count == 2 && small.outcome.settings.staysAwake)
    }

    @Test func whatIsAskedForIsDone() {
        let links = run(
            Circumstances(elementCount: Self.floats, members: 2, wish: ExchangeWish(links: 3), offeredLinks: 3),
            seconds: usual)
        #expect(links.trials.allSatisfy { $0.settings.links == 3 } && links.outcome.settings.links == 3)
        let bytes = run(
            Circumstances(
                elementCount: Self.floats, members: 2, wish: ExchangeWish(bucketBytes: 1 << 20), offeredLinks: 2),
            seconds: usual)
        #expect(bytes.trials.allSatisfy { $0.computeSteps == 0 } && bytes.trials.map(\.settings.links) == [1, 1, 2])
        #expect(bytes.outcome.settings.bucketBoundaries.first == 1 << 18)
    }

    /// Also where nobody knows how slow it will be: little is done before that is seen.
    @Test func trialsAreShort() {
        for members in [2, 8, 64] {
            for bytesPerSecond in [1e8, 1e9, 1e10] {
                let circumstances = Circumstances(
                    elementCount: 100_000_000, members: members, offeredLinks: 4, spareCores: 4,
                    crowding: members > 8 ? 32 : 1)
                let seconds: (Trial) -> Double = { 50e-6 + Double(2 * $0.byteCount) / bytesPerSecond }
                let (trials, _) = run(circumstances, seconds: seconds)
                for trial in trials {
                    #expect(trial.objection(links: 4) == nil)
                    let total = seconds(trial) * Double(trial.rounds + trial.warmUpRounds)
                    #expect(total < max(0.3, seconds(trial) * 10), "\(members) \(bytesPerSecond) \(trial)")
                }
            }
        }
    }

    @Test func askedBucketsFitAnyGradient() {
        for floats in [1, 16, 17, 4096, 1_000_003, 1 << 30] {
            for bytes in [1, 1024, 1025, 1 << 20, Int.max] {
                let boundaries = ExchangeWish(bucketBytes: bytes).boundaries(elementCount: floats)
                #expect(Buckets(elementCount: floats, boundaries: boundaries) != nil, "\(floats) \(bytes)")
            }
        }
        #expect(ExchangeWish(bucketBytes: 1024).boundaries(elementCount: 1000) == [256, 512, 768])
        #expect(ExchangeWish().boundaries(elementCount: 1000).isEmpty)
    }
}
