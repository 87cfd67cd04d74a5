import LockstepCollectives
import LockstepTestSupport
import Testing

@Suite struct TurnScheduleTests {
    private func turns(_ schedule: TurnSchedule, stopsAfter: UInt32? = nil) -> [String] {
        var turns = [schedule.first]
        while let last = turns.last, turns.count < 1000,
            let next = schedule.successor(of: last, isStopping: last.phase == .decision && last.step == stopsAfter)
        { turns.append(next) }
        return turns.map { turn in
            let letter =
                switch turn.phase {
                case .train: "t"
                case .validation: "v"
                case .decision: "d"
                case .closing: "c"
                case .evaluation: "e"
                case .trial: "r"
                }
            return letter + "\(turn.step)"
        }
    }

    @Test func validationsFollowEpochsAndTheLastStep() {
        let validation = TurnSchedule.Validation(batches: 2, stepsPerEpoch: 2)
        func schedule(_ done: UInt32, isStopped: Bool = false) -> TurnSchedule {
            TurnSchedule(
                stepsDone: done, lastStep: 5, evaluationBatches: 1, validation: validation, isStopped: isStopped)
        }
        let all = ["t1", "t2", "v1", "v2", "d2", "t3", "t4", "v3", "v4", "d4", "t5", "v5", "v6", "d5", "c5", "e1"]
        #expect(turns(schedule(0)) == all)
        #expect(turns(schedule(0), stopsAfter: 4) == Array(all.prefix(10)) + ["c4", "e1"])
        #expect(turns(schedule(0), stopsAfter: 5) == all)
        // A state at the end of an epoch has its judgement.
        #expect(turns(schedule(2)) == Array(all.dropFirst(5)))
        #expect(turns(schedule(2, isStopped: true)) == ["c2", "e1"])
        #expect(turns(schedule(5)) == ["c5", "e1"])
        // Without it the validation comes first; where it does not stop training, the rest follows.
        let unjudged = TurnSchedule(
            stepsDone: 2, isJudged: false, lastStep: 5, evaluationBatches: 1, validation: validation)
        #expect(turns(unjudged) == Array(all.dropFirst(2)))
        #expect(turns(unjudged, stopsAfter: 2) == ["v1", "v2", "d2", "c2", "e1"])
        let last = TurnSchedule(
            stepsDone: 5, isJudged: false, lastStep: 5, evaluationBatches: 1, validation: validation)
        #expect(turns(last) == ["v5", "v6", "d5", "c5", "e1"])
        let plain = TurnSchedule(stepsDone: 3, lastStep: 5, evaluationBatches: 0)
        #expect(turns(plain) == ["t4", "t5", "c5"])
        #expect(plain.isLast(Turn(.closing, step: 5)) && !plain.isLast(Turn(.train, step: 5)))
        #expect(schedule(0).isValidated(afterStep: 4) && !schedule(0).isValidated(afterStep: 3))
        #expect(schedule(0).isValidated(afterStep: 5) && !schedule(0).isValidated(afterStep: 0))
        #expect(!plain.isValidated(afterStep: 5))
    }

    @Test func aValidationKnowsItsEpochAndBatch() {
        let schedule = TurnSchedule(
            stepsDone: 0, lastStep: 7, evaluationBatches: 0, validation: .init(batches: 3, stepsPerEpoch: 3))
        let numbers = (1...9).map { Turn(.validation, step: $0) }
        #expect(numbers.map { schedule.epoch(ofValidation: $0) } == [1, 1, 1, 2, 2, 2, 3, 3, 3])
        #expect(numbers.map { schedule.batch(ofValidation: $0) } == [1, 2, 3, 1, 2, 3, 1, 2, 3])
        #expect(numbers.map { schedule.isLastOfValidation($0) } == numbers.map { $0.step % 3 == 0 })
        #expect(!schedule.isLastOfValidation(Turn(.train, step: 3)))
        #expect(schedule.successor(of: Turn(.validation, step: 9)) == Turn(.decision, step: 7))
    }

    /// Whatever a peer names as a turn, no number traps.
    @Test func foreignTurnsDoNotTrap() {
        let schedule = TurnSchedule(
            stepsDone: 0, lastStep: UInt32.max, evaluationBatches: 2,
            validation: .init(batches: 3, stepsPerEpoch: 1 << 31))
        for phase in Turn.Phase.allCases {
            for step in [0, 1, 2, 1 << 31, UInt32.max - 1, UInt32.max] as [UInt32] {
                let turn = Turn(phase, step: step)
                _ = schedule.epoch(ofValidation: turn)
                _ = schedule.batch(ofValidation: turn)
                _ = turn.description
                if phase != .validation || schedule.isLastOfValidation(turn) || step < 6 {
                    _ = schedule.successor(of: turn)
                }
            }
        }
    }

    /// From every step on the rest of the turns is the rest of the whole.
    @Test func aResumedScheduleIsTheRestOfTheWhole() {
        let seed: UInt64 = 31
        var random = SeededGenerator(seed: seed)
        for round in 0..<200 {
            let lastStep = UInt32.random(in: 1...20, using: &random)
            let validation = TurnSchedule.Validation(
                batches: UInt32.random(in: 1...3, using: &random),
                stepsPerEpoch: UInt32.random(in: 1...7, using: &random))
            func schedule(_ done: UInt32, isJudged: Bool = true) -> TurnSchedule {
                TurnSchedule(
                    stepsDone: done, isJudged: isJudged, lastStep: lastStep, evaluationBatches: 2,
                    validation: round % 3 == 0 ? nil : validation)
            }
            let whole = turns(schedule(0))
            #expect(Set(whole).count == whole.count, "seed \(seed), round \(round)")
            for done in 0...lastStep {
                let rest = turns(schedule(done))
                #expect(rest == Array(whole.suffix(rest.count)), "seed \(seed), round \(round), step \(done)")
                let steps = rest.filter { $0.hasPrefix("t") }
                #expect(steps.count == Int(lastStep - done), "seed \(seed), round \(round), step \(done)")
                // Before its judgement there is the validation more.
                guard schedule(done).isValidated(afterStep: done) else { continue }
                let more = turns(schedule(done, isJudged: false))
                #expect(more == Array(whole.suffix(more.count)), "seed \(seed), round \(round), step \(done)")
                #expect(more.count == rest.count + Int(validation.batches) + 1)
            }
        }
    }
}
