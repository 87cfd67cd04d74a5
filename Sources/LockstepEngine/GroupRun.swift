internal import CLockstepKernels
internal import LockstepCore

/// Runs instructions over one lane group. Pointers and numbers only: nothing here allocates.
struct GroupRun {
    let kernels: UnsafePointer<ls_kernels>
    let parameters: UnsafePointer<Float>
    let packed: UnsafePointer<Float>
    /// The group's first sample, and its target.
    let samples: UnsafePointer<Float>
    let targets: UnsafeRawPointer
    let targetElements: Int
    /// One for each class, or none.
    let classWeights: UnsafePointer<Float>?
    /// Where the model's outputs are wanted, those of the group's first sample.
    let outputs: UnsafeMutablePointer<Float>?
    /// What dropouts draw from, and the position in the global batch of the group's first sample.
    let dropout: ls_dropout
    let firstPosition: UInt32
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
    let metrics: UnsafeBufferPointer<MetricSum>
    /// By lane of the worker.
    let metricSums: UnsafeMutablePointer<Double>
    let metricSumCount: Int
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
        case .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy, .elementwiseLoss:
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
            k.pointee.convolution_forward(&shape, rows, first, packed + i.packed, bias, i.relu, result, scratch)
        case .convolutionDataGradient:
            var shape = i.convolution
            k.pointee.convolution_data_gradient(&shape, rows, first, packed + i.packed, result, scratch)
        case .maxPool:
            var shape = i.pooling
            k.pointee.max_pool(&shape, rows, first, result, bytes(i.extra))
        case .maxPoolGradient:
            var shape = i.pooling
            k.pointee.max_pool_gradient(&shape, rows, second, bytes(i.first), result)
        case .averagePool:
            var shape = i.pooling
            k.pointee.average_pool(&shape, rows, first, result)
        case .averagePoolGradient:
            var shape = i.pooling
            k.pointee.average_pool_gradient(&shape, rows, first, result)
        case .activation:
            k.pointee.activation(ls_activation(i.kind), i.setting, rows * i.elements, first, result)
        case .activationGradient:
            k.pointee.activation_gradient(ls_activation(i.kind), i.setting, rows * i.elements, first, second, result)
        case .softmax:
            k.pointee.softmax(rows, i.elements, first, result)
        case .softmaxGradient:
            k.pointee.softmax_gradient(rows, i.elements, first, second, result)
        case .dropout:
            var dropout = dropout
            (dropout.site, dropout.threshold, dropout.scale) = (i.site, i.threshold, i.setting)
            k.pointee.dropout(&dropout, rows, i.elements, firstPosition, first, result)
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
            .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy, .elementwiseLoss:
            break
        }
    }

    // MARK: Operands

    func pointer(_ place: Place) -> UnsafeMutablePointer<Float> {
        switch place.space {
        // Samples are read only: no instruction has them as its result.
        case .samples: UnsafeMutablePointer(mutating: samples)
        case .arena, .none: arena + place.offset * capacity
        }
    }

    func bytes(_ place: Place) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(pointer(place)).assumingMemoryBound(to: UInt8.self)
    }
}
