internal import CLockstepKernels
internal import LockstepCore

/// Runs instructions over one lane group. Pointers and numbers only: nothing here allocates.
struct GroupRun {
    let kernels: UnsafePointer<ls_kernels>
    let parameters: UnsafePointer<Float>
    let packed: UnsafePointer<Float>
    /// The group's first sample, and its label.
    let samples: UnsafePointer<Float>
    let labels: UnsafePointer<Int32>
    let arena: UnsafeMutablePointer<Float>
    let shared: UnsafeMutablePointer<Float>
    let sharedFloatsPerLane: Int
    let scratch: UnsafeMutablePointer<Float>
    /// Room for one more contribution to a shared parameter.
    let contribution: UnsafeMutablePointer<Float>
    /// Samples, and how many the arena has room for.
    let rows: Int
    let capacity: Int
    /// Row numbers inside the group, one more than it has lanes.
    let laneStarts: UnsafePointer<UInt32>
    let laneCount: Int
    /// What the lanes of this group are called in the worker.
    let firstLane: Int
    let results: UnsafeMutablePointer<LaneResult>
    let subtrees: UnsafePointer<LaneSchedule.Subtree>
    let subtreeCount: Int
    /// By subtree of the group: the flat gradient.
    let gradients: UnsafePointer<UnsafeMutablePointer<Float>>
    /// By subtree of the group: the additions of its lanes, for shared parameters.
    let laneAdditions: UnsafePointer<UnsafeBufferPointer<LaneTree.Addition>>

    func run(_ instructions: UnsafeBufferPointer<Instruction>, _ range: Range<Int>) {
        for index in range { run(instructions[index]) }
    }

    private func run(_ instruction: Instruction) {
        switch instruction.code {
        case .linearWeightGradient, .linearBiasGradient, .convolutionWeightGradient, .convolutionBiasGradient:
            runParameterGradient(instruction)
        case .softmaxCrossEntropy:
            runLoss(instruction)
        default:
            if rows > 0 { runSamples(instruction) }
        }
    }

    // MARK: Sample by sample

    private func runSamples(_ i: Instruction) {
        let k = kernels
        let first = pointer(i.first)
        let second = pointer(i.second)
        let result = pointer(i.result)
        let bias = i.bias < 0 ? nil : parameters + i.bias
        switch i.code {
        case .linear:
            k.pointee.product(
                rows, i.outputs, i.inputs, first, i.inputs, packed + i.packed, bias, i.relu, result, i.outputs)
        case .linearDataGradient:
            k.pointee.product(
                rows, i.inputs, i.outputs, first, i.outputs, packed + i.packed, nil, false, result, i.inputs)
        case .convolution:
            var shape = i.convolution
            k.pointee.convolution_forward(&shape, rows, first, packed + i.packed, bias, i.relu, result)
        case .convolutionDataGradient:
            var shape = i.convolution
            k.pointee.convolution_data_gradient(&shape, rows, first, packed + i.packed, result, scratch)
        case .maxPool:
            var shape = i.pooling
            k.pointee.max_pool(&shape, rows, first, result, bytes(i.extra))
        case .maxPoolGradient:
            var shape = i.pooling
            k.pointee.max_pool_gradient(&shape, rows, second, bytes(i.first), result)
        case .relu:
            k.pointee.relu(rows * i.elements, first, result)
        case .reluGradient:
            k.pointee.relu_gradient(rows * i.elements, first, second, result)
        case .add:
            if i.first != i.result { result.update(from: first, count: rows * i.elements) }
            k.pointee.add(rows * i.elements, result, second)
        case .channelsFirst:
            k.pointee.channels_first(rows, i.height * i.width, i.channels, first, result)
        case .channelsLast:
            k.pointee.channels_last(rows, i.height * i.width, i.channels, first, result)
        case .linearWeightGradient, .linearBiasGradient, .convolutionWeightGradient, .convolutionBiasGradient,
            .softmaxCrossEntropy:
            break
        }
    }

    private func runLoss(_ i: Instruction) {
        let losses = pointer(i.extra)
        let correct = bytes(i.correct)
        if rows > 0 {
            let gradient = i.result.space == .none ? nil : pointer(i.result)
            kernels.pointee.softmax_cross_entropy(
                rows, i.elements, pointer(i.first), labels, losses, gradient, correct)
        }
        for lane in 0..<laneCount {
            var sum = 0.0
            var right = 0
            for row in Int(laneStarts[lane])..<Int(laneStarts[lane + 1]) {
                sum += Double(losses[row])
                right += Int(correct[row])
            }
            results[firstLane + lane] = LaneResult(
                loss: sum, weight: Double(laneStarts[lane + 1] - laneStarts[lane]), correct: Double(right),
                isFinite: sum.isFinite)
        }
    }

    // MARK: Sums over samples

    private func runParameterGradient(_ instruction: Instruction) {
        guard instruction.shared >= 0 else {
            for index in 0..<subtreeCount {
                let lanes = subtrees[index].lanes
                sum(
                    instruction, laneStarts + (lanes.lowerBound - firstLane), lanes.count,
                    gradients[index] + instruction.parameter)
            }
            return
        }
        for lane in 0..<laneCount {
            let total = shared + lane * sharedFloatsPerLane + instruction.shared
            if instruction.isFirstContribution {
                sum(instruction, laneStarts + lane, 1, total)
            } else {
                sum(instruction, laneStarts + lane, 1, contribution)
                kernels.pointee.add(instruction.parameterCount, total, contribution)
            }
        }
        if instruction.isLastContribution { addSharedLanes(instruction) }
    }

    private func addSharedLanes(_ instruction: Instruction) {
        for index in 0..<subtreeCount {
            let first =
                shared + (subtrees[index].lanes.lowerBound - firstLane) * sharedFloatsPerLane + instruction.shared
            for addition in laneAdditions[index] {
                kernels.pointee.add(
                    instruction.parameterCount, first + addition.into * sharedFloatsPerLane,
                    first + addition.from * sharedFloatsPerLane)
            }
            (gradients[index] + instruction.parameter).update(from: first, count: instruction.parameterCount)
        }
    }

    /// The gradient of a parameter over the lanes of one complete subtree.
    private func sum(
        _ i: Instruction, _ starts: UnsafePointer<UInt32>, _ lanes: Int, _ destination: UnsafeMutablePointer<Float>
    ) {
        let k = kernels
        switch i.code {
        case .linearWeightGradient:
            k.pointee.weight_gradient(
                i.outputs, i.inputs, pointer(i.second), pointer(i.first), starts, lanes, destination, scratch)
        case .linearBiasGradient:
            k.pointee.column_sums(i.outputs, pointer(i.first), starts, lanes, destination)
        case .convolutionWeightGradient:
            var shape = i.convolution
            k.pointee.convolution_weight_gradient(
                &shape, pointer(i.first), pointer(i.second), starts, lanes, destination, scratch)
        case .convolutionBiasGradient:
            var shape = i.convolution
            k.pointee.convolution_bias_gradient(&shape, pointer(i.first), starts, lanes, destination)
        default:
            break
        }
    }

    // MARK: Operands

    private func pointer(_ place: Place) -> UnsafeMutablePointer<Float> {
        switch place.space {
        // Samples are read only: no instruction has them as its result.
        case .samples: UnsafeMutablePointer(mutating: samples)
        case .arena, .none: arena + place.offset * capacity
        }
    }

    private func bytes(_ place: Place) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(pointer(place)).assumingMemoryBound(to: UInt8.self)
    }
}
