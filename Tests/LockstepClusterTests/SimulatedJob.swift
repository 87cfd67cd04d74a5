import LockstepCluster
import LockstepCollectives
import LockstepTestSupport

/// What a simulated run trains, and what must come of it. It has nothing of the cluster that trains it.
struct SimulatedJob {
    let lanes: Int
    let lastStep: UInt32
    let evaluationBatches: UInt32
    let validation: TurnSchedule.Validation?
    /// So many validations without a better one stop training.
    let patience: Int
    let restoresBest: Bool
    let snapshotEverySteps: UInt32
    let snapshotsBest: Bool

    /// S(N) of every step that an undisturbed run reaches, S(0) first.
    private(set) var states: [SimulatedState] = [SimulatedState()]
    /// For each validation its step and its sums.
    private(set) var evaluations: [EvaluationReport] = []

    init(using random: inout SeededGenerator) {
        lanes = Int.random(in: 1...9, using: &random)
        lastStep = UInt32.random(in: 1...12, using: &random)
        evaluationBatches = UInt32.random(in: 0...2, using: &random)
        let validation = TurnSchedule.Validation(
            batches: UInt32.random(in: 1...3, using: &random), stepsPerEpoch: UInt32.random(in: 1...5, using: &random))
        self.validation = Int.random(in: 0..<3, using: &random) > 0 ? validation : nil
        patience = Int.random(in: 1...4, using: &random)
        restoresBest = Bool.random(using: &random)
        snapshotEverySteps = [0, 1, 2, 3, 5].randomElement(using: &random) ?? 0
        snapshotsBest = Bool.random(using: &random)
        run()
    }

    /// The last state, which the run ends with.
    var end: SimulatedState { states[states.count - 1] }

    func schedule(from state: SimulatedState) -> TurnSchedule {
        TurnSchedule(
            stepsDone: state.step, lastStep: lastStep, evaluationBatches: evaluationBatches, validation: validation,
            isStopped: state.watch.isStopped)
    }

    func epoch(ofStep step: UInt32) -> UInt32 { step == 0 ? 0 : (step - 1) / (validation?.stepsPerEpoch ?? 1000) + 1 }

    /// The steps after which the workers hand their state over, apart from the end.
    var snapshotSteps: [UInt32] {
        states.dropFirst().dropLast().filter { state in
            snapshotEverySteps > 0 && state.step.isMultiple(of: snapshotEverySteps)
                || snapshotsBest && state.isBest
        }.map(\.step)
    }

    /// Loss and weight of a turn over some lanes. Whole numbers, so that any order of additions gives the same.
    func sums(_ turn: Turn, _ state: SimulatedState, lanes: Range<Int>) -> [Double] {
        guard turn.phase == .validation else { return [Double(lanes.count), 1] }
        return [lanes.reduce(0) { $0 + state.loss(batch: turn.step, lane: $1) }, Double(lanes.count)]
    }

    private mutating func run() {
        var state = SimulatedState()
        let schedule = schedule(from: state)
        var turn: Turn? = schedule.first
        var validationSums: [Double] = [0, 0]
        while let current = turn, current.phase != .closing {
            switch current.phase {
            case .train: state.apply(step: current.step, epoch: epoch(ofStep: current.step), lanes: lanes)
            case .validation:
                validationSums = zip(validationSums, sums(current, state, lanes: 0..<lanes)).map { $0 + $1 }
                if schedule.isLastOfValidation(current) {
                    state.judge(validationSums, self)
                    evaluations.append(
                        EvaluationReport(
                            epoch: schedule.epoch(ofValidation: current), step: state.step, sums: validationSums))
                    validationSums = [0, 0]
                }
            case .decision, .closing, .evaluation, .trial: break
            }
            turn = schedule.successor(of: current, isStopping: state.watch.isStopped)
            if turn?.phase == .train || turn?.phase == .closing { states.append(state) }
        }
    }
}
