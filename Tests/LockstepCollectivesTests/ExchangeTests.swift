import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct ExchangeTests {
    @Test(arguments: 0..<80 as Range<UInt64>)
    func everyMemberEndsWithTheTreeSum(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &+ 0xE1)
        let lanes = seed < 8 ? 7 : Int.random(in: 1...12, using: &random)
        let workers = min(lanes, Int.random(in: 1...8, using: &random))
        let elements = Int.random(in: 0...150, using: &random)
        let boundaries = stride(from: 16, to: elements, by: 16).filter { _ in Bool.random(using: &random) }
        let buckets = try #require(Buckets(elementCount: elements, boundaries: boundaries))
        let validation = TurnSchedule.Validation(
            batches: UInt32.random(in: 1...3, using: &random), stepsPerEpoch: UInt32.random(in: 1...4, using: &random))
        let schedule = TurnSchedule(
            stepsDone: 0, lastStep: 3, evaluationBatches: UInt32(seed % 3), validation: seed % 2 == 0 ? validation : nil
        )
        var simulation = try ExchangeSimulation(
            seed: seed, lanes: lanes, workers: workers, buckets: buckets, schedule: schedule,
            stopsAfter: UInt32.random(in: 1...4, using: &random))
        do { try simulation.run() } catch {
            Issue.record("seed \(seed), lanes \(lanes), workers \(workers), elements \(elements): \(error)")
        }
        // One turn ahead shows as a lead of one finished turn, never more.
        #expect(simulation.greatestLead <= 1, "seed \(seed)")
    }

    /// A member whose slice is empty is done with a turn without anything from those that have nothing to sum either.
    @Test(arguments: [0, 1, 16, 40])
    func emptySlicesHoldNobodyUp(elements: Int) throws {
        for seed in 0..<40 as Range<UInt64> {
            let schedule = TurnSchedule(stepsDone: 0, lastStep: 3, evaluationBatches: 0)
            var simulation = try ExchangeSimulation(
                seed: seed, lanes: 7, workers: 6, buckets: Buckets(elementCount: elements), schedule: schedule)
            do { try simulation.run() } catch { Issue.record("seed \(seed), elements \(elements): \(error)") }
        }
    }

    @Test func aMemberRacesAheadAndIsHeldBack() throws {
        let buckets = try #require(Buckets(elementCount: 40, boundaries: [16]))
        var leads = 0
        for seed in 0..<5 as Range<UInt64> {
            let many = TurnSchedule(stepsDone: 0, lastStep: 25, evaluationBatches: 10)
            var simulation = try ExchangeSimulation(seed: seed, lanes: 5, workers: 3, buckets: buckets, schedule: many)
            try simulation.run()
            leads = max(leads, simulation.greatestLead)
        }
        #expect(leads == 1)
    }

    @Test(arguments: ExchangeSimulation.Flaw.allCases)
    func theOracleNoticesAWrongShell(flaw: ExchangeSimulation.Flaw) throws {
        let buckets = try #require(Buckets(elementCount: 200, boundaries: [64]))
        let schedule = TurnSchedule(
            stepsDone: 0, lastStep: 2, evaluationBatches: 0, validation: .init(batches: 1, stepsPerEpoch: 1))
        var simulation = try ExchangeSimulation(
            seed: 11, lanes: 7, workers: 3, buckets: buckets, schedule: schedule, flaw: flaw)
        if flaw == .none {
            try simulation.run()
        } else if flaw == .judgesAlone {
            // The frames of one have no place at the others.
            #expect(throws: ExchangeFault.self) { try simulation.run() }
        } else {
            #expect(throws: ExchangeSimulation.Failure.self) { try simulation.run() }
        }
    }
}
