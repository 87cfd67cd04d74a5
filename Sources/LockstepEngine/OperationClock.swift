/// Takes the times of the first thread's operations in training.
final class OperationClock {
    private let plan: Plan
    /// By instruction, then packing, then the sums over the lanes of several groups.
    let nanoseconds: UnsafeMutableBufferPointer<UInt64>
    /// Samples that the first thread has computed, and its steps.
    private var samples = 0
    private var steps = 0

    init(_ plan: Plan) {
        self.plan = plan
        nanoseconds = .allocate(capacity: plan.training.instructions.count + 2)
        nanoseconds.initialize(repeating: 0)
    }

    deinit { nanoseconds.deallocate() }

    func countGroup(samples: Int) { self.samples += samples }

    func countAdditions(_ duration: UInt64) { nanoseconds[plan.training.instructions.count + 1] += duration }

    func countStep(packing: UInt64, additions: UInt64) {
        steps += 1
        nanoseconds[plan.training.instructions.count] += packing
        countAdditions(additions)
    }

    /// The times since the last call, in the order of the plan.
    func take() -> [OperationTime] {
        let (instructions, layers) = (plan.training.instructions, plan.training.layers)
        let packed = plan.packings.reduce(0) { $0 + $1.count }
        var times = [
            OperationTime(
                name: "packing of weights", nanoseconds: nanoseconds[instructions.count],
                bytes: Double(steps) * 8 * Double(packed))
        ]
        for (index, instruction) in instructions.enumerated() {
            times.append(
                OperationTime(
                    name: layers[index].isEmpty ? "\(instruction.code)" : "\(instruction.code) \(layers[index])",
                    nanoseconds: nanoseconds[index],
                    flops: Double(samples) * Double(instruction.flopsPerSample),
                    bytes: 4 * Double(samples) * Double(instruction.floatsPerSample)
                        + 4 * Double(steps) * Double(instruction.weight.count + instruction.bias.count)))
        }
        times.append(OperationTime(name: "sums over groups of lanes", nanoseconds: nanoseconds[instructions.count + 1]))
        nanoseconds.update(repeating: 0)
        (samples, steps) = (0, 0)
        return times
    }
}

extension Instruction {
    /// Floats that are read or written for one sample, each operand counted once, parameters not counted.
    fileprivate var floatsPerSample: Int {
        switch code {
        case .linear, .linearDataGradient, .linearWeightGradient: return positions * (inputs + outputs)
        case .convolution, .convolutionDataGradient, .convolutionWeightGradient:
            let rows = (height + 2 * padding - kernelHeight) / stride + 1
            let columns = (width + 2 * padding - kernelWidth) / stride + 1
            return height * width * channels + rows * columns * outputs
        default:
            let operands = [first, second, third, fourth, residual, saved, result].count { $0.space != .none }
            return operands * elements
        }
    }
}
