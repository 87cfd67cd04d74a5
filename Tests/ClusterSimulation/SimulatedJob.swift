package import LockstepCluster
package import LockstepCollectives
package import LockstepTestSupport

/// What a simulated run trains, and what must come of it. It has nothing of the cluster that trains it.
package struct SimulatedJob {
    package let lanes: Int
    package let lastStep: UInt32
    let evaluationBatches: UInt32
    let validation: TurnSchedule.Validation?
    let stepsPerEpoch: UInt32
    /// So many validations without a better one stop training.
    let patience: Int
    let restoresBest: Bool
    let snapshotEverySteps: UInt32
    let snapshotsBest: Bool

    /// Every state that an undisturbed run holds. A step with a validation has two.
    private var states: [StatePoint: SimulatedState] = [StatePoint(step: 0): SimulatedState()]
    /// For each validation its step and its sums.
    package private(set) var evaluations: [EvaluationReport] = []
    /// The last state, which the run ends with.
    package private(set) var end = SimulatedState()

    package init(steps: ClosedRange<UInt32>, using random: inout SeededGenerator) {
        lanes = Int.random(in: 1...9, using: &random)
        lastStep = UInt32.random(in: steps, using: &random)
        evaluationBatches = UInt32.random(in: 0...2, using: &random)
        stepsPerEpoch = UInt32.random(in: 1...max(5, lastStep / 2), using: &random)
        let batches = UInt32.random(in: 1...3, using: &random)
        validation =
            Bool.random(using: &random)
            ? TurnSchedule.Validation(batches: batches, stepsPerEpoch: stepsPerEpoch) : nil
        patience = [2, 4, 1000].randomElement(using: &random) ?? 1
        restoresBest = Bool.random(using: &random)
        snapshotEverySteps = [0, 1, 3, 7].randomElement(using: &random) ?? 0
        snapshotsBest = Bool.random(using: &random)
        run()
    }

    package func state(at point: StatePoint) -> SimulatedState? { states[point] }

    /// Whether an undisturbed run holds this state.
    package func holds(_ state: SimulatedState) -> Bool { states[state.point] == state }

    func schedule(from state: SimulatedState) -> TurnSchedule {
        TurnSchedule(
            stepsDone: state.step, lastStep: lastStep, evaluationBatches: evaluationBatches, validation: validation,
            isStopped: state.watch.isStopped)
    }

    package func epoch(ofStep step: UInt32) -> UInt32 { step == 0 ? 0 : (step - 1) / stepsPerEpoch + 1 }

    /// Whether S(`step`) is whole without a validation.
    package func isJudged(afterStep step: UInt32) -> Bool {
        validation == nil || step == 0 || step != lastStep && !step.isMultiple(of: stepsPerEpoch)
    }

    /// Loss and weight of a turn over some lanes. Whole numbers, so that any order of additions gives the same.
    package func sums(_ turn: Turn, _ state: SimulatedState, lanes: Range<Int>) -> [Double] {
        guard turn.phase == .validation else { return [Double(lanes.count), Double(lanes.count)] }
        return [lanes.reduce(0) { $0 + state.loss(batch: turn.step, lane: $1) }, Double(lanes.count)]
    }

    private mutating func run() {
        var state = SimulatedState()
        let schedule = schedule(from: state)
        var turn: Turn? = schedule.first
        var validationSums: [Double] = [0, 0]
        while let current = turn, current.phase != .closing {
            switch current.phase {
            case .train:
                state.apply(
                    step: current.step, epoch: epoch(ofStep: current.step), lanes: lanes,
                    isJudged: isJudged(afterStep: current.step))
                states[state.point] = state
            case .validation:
                validationSums = zip(validationSums, sums(current, state, lanes: 0..<lanes)).map { $0 + $1 }
                if schedule.isLastOfValidation(current) {
                    state.judge(validationSums, self)
                    states[state.point] = state
                    evaluations.append(
                        EvaluationReport(
                            epoch: schedule.epoch(ofValidation: current), step: state.step, sums: validationSums))
                    validationSums = [0, 0]
                }
            case .decision, .closing, .evaluation, .trial: break
            }
            turn = schedule.successor(of: current, isStopping: state.watch.isStopped)
        }
        end = state
    }
}
