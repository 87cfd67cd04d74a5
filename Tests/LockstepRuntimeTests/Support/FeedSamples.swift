import LockstepCluster
import LockstepCore

@testable import LockstepRuntime

/// Items of a small job, with bits of every kind in them.
enum FeedSamples {
    static let shape = FeedShape(vectorCount: 3, elementCount: 70_000, numberCount: 4, sumCount: 3, laneCount: 5)

    static func vector(_ count: Int, _ seed: Int) -> FloatMemory {
        let memory = FloatMemory(count: count)
        for index in 0..<count { memory.pointer[index] = Float((index &* 31 &+ seed &* 101) % 1009) / 8 - 60 }
        memory.pointer[count - 1] = -0.0
        return memory
    }

    static func state(_ step: UInt32, generation: UInt32 = 1, _ shape: FeedShape = shape) -> FeedParcel {
        let vectors = (0..<shape.vectorCount).map { vector(shape.elementCount, Int(step) + $0) }
        return FeedParcel(
            FeedItem(generation: generation, .state(StatePoint(step: step))), makes: StatePoint(step: step),
            vectors: vectors + [vector(2 * shape.numberCount, 7)])
    }

    static func step(_ step: UInt32, generation: UInt32 = 1, _ shape: FeedShape = shape) -> FeedParcel {
        let fed = FedStep(
            step: step, totals: (0..<shape.sumCount).map { 0.1 * Double($0 + Int(step)) }, sampleHashes: [.max, 5],
            stateHash: StateHash(high: 1, low: UInt64(step)), seconds: 0.25)
        return FeedParcel(
            FeedItem(generation: generation, .step(fed)), makes: StatePoint(step: step),
            vectors: [vector(shape.elementCount, Int(step) + 50)])
    }

    static func reports(_ steps: ClosedRange<UInt32>) -> FeedParcel {
        let reports = steps.map { step in
            var report = StepReport(
                step: step, epoch: 1, loss: 0.5, metrics: [StepReport.NamedValue(name: "accuracy", value: 0.25)],
                learningRate: 0.1, samples: 32, seconds: 0.001)
            report.sampleHashes = [.max, step == 1 ? 0 : 7]
            return report
        }
        return FeedParcel(
            FeedItem(
                generation: 1,
                .reports(steps: reports, evaluations: [EvaluationReport(epoch: 1, step: 3, sums: [1, 2, 3])])))
    }

    static func judgement(_ step: UInt32, _ shape: FeedShape = shape) -> FeedParcel {
        let fed = FedJudgement(step: step, sums: (0..<shape.sumCount).map { 1 / Double($0 + 3) }, watchHash: .max - 1)
        return FeedParcel(FeedItem(generation: 1, .judgement(fed)), makes: StatePoint(step: step))
    }

    static func still(_ step: UInt32, promised: UInt32 = 2) -> FeedParcel {
        FeedParcel(FeedItem(generation: 1, .still(promised: promised, StatePoint(step: step))))
    }

    static func begins(_ step: UInt32, generation: UInt32 = 2) -> FeedParcel {
        FeedParcel(
            FeedItem(
                generation: generation,
                .begins(
                    start: StatePoint(step: step), stateHash: StateHash(high: 3, low: 4),
                    wholeHash: StateHash(high: 5, low: 6))))
    }
}

extension FeedParcel {
    /// Whether both say the same, to the bit.
    func isEqual(to other: FeedParcel) -> Bool {
        item == other.item && vectors.count == other.vectors.count
            && zip(vectors, other.vectors).allSatisfy { own, other in
                own.count == other.count
                    && (0..<own.count).allSatisfy { own.pointer[$0].bitPattern == other.pointer[$0].bitPattern }
            }
    }
}

extension FloatMemory {
    convenience init(copying floats: UnsafePointer<Float>, count: Int) {
        self.init(count: count)
        pointer.update(from: floats, count: count)
    }
}
