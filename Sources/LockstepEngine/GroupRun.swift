internal import CLockstepKernels
internal import LockstepCore

/// Runs instructions over one lane group. Pointers and numbers only: nothing here allocates.
struct GroupRun {
    let kernels: UnsafePointer<ls_kernels>
    let parameters: UnsafePointer<Float>
    let packed: UnsafeMutablePointer<Float>
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
    /// Samples, and how many the arena has room for.
    let rows: Int
    let capacity: Int
    /// What there is of each lane, and for how many lanes there is room.
    let laneArena: UnsafeMutablePointer<Float>
    let laneCapacity: Int
    let shared: UnsafeMutablePointer<Float>
    let sharedFloatsPerLane: Int
    let scratch: UnsafeMutablePointer<Float>
    /// Room for one more contribution to shared parameters.
    let contribution: UnsafeMutablePointer<Float>
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
    let packings: UnsafePointer<Packing>?
    /// By instruction: the number of the packing that is made just before it, or −1; nil where all are made already.
    let packingsAtUse: UnsafePointer<Int32>?
    /// By instruction of training: its number in the plan.
    let numbers: UnsafeBufferPointer<Int32>
    /// As `OperationClock` has it; nil where nobody wants to know.
    let clock: UnsafeMutableBufferPointer<UInt64>?

    func run(_ instructions: UnsafeBufferPointer<Instruction>, _ range: Range<Int>) {
        guard let clock else {
            for index in range {
                pack(index)
                run(instructions[index])
            }
            return
        }
        for index in range {
            let start = MonotonicClock.nanoseconds()
            pack(index)
            let packed = MonotonicClock.nanoseconds()
            run(instructions[index])
            clock[Int(numbers[index])] += MonotonicClock.nanoseconds() - packed
            clock[clock.count - 2] += packed - start
        }
    }

    private func pack(_ index: Int) {
        guard let packingsAtUse, let packings, packingsAtUse[index] >= 0, rows > 0 else { return }
        packings[Int(packingsAtUse[index])].make(kernels, parameters, packed)
    }

    private func run(_ instruction: Instruction) {
        if instruction.code.isParameterGradient {
            runParameterGradient(instruction)
        } else if instruction.code.isLoss {
            runLoss(instruction)
        } else if rows > 0 || instruction.code.isPerLane {
            runSamples(instruction)
        }
    }

    /// The table of what runs sample by sample.
    private func runSamples(_ i: Instruction) {
        switch i.code {
        case .linear: runLinear(i)
        case .linearDataGradient: runLinearDataGradient(i)
        case .convolution: runConvolution(i)
        case .convolutionDataGradient: runConvolutionDataGradient(i)
        case .maxPool: runMaxPool(i)
        case .maxPoolGradient: runMaxPoolGradient(i)
        case .averagePool: runAveragePool(i)
        case .averagePoolGradient: runAveragePoolGradient(i)
        case .adaptiveAveragePool: runAdaptiveAveragePool(i)
        case .adaptiveAveragePoolGradient: runAdaptiveAveragePoolGradient(i)
        case .activation: runActivation(i)
        case .activationGradient: runActivationGradient(i)
        case .softmax: runSoftmax(i)
        case .softmaxGradient: runSoftmaxGradient(i)
        case .dropout: runDropout(i)
        case .relu: runReLU(i)
        case .reluGradient: runReLUGradient(i)
        case .add: runAdd(i)
        case .subtract: runSubtract(i)
        case .multiply: runMultiply(i)
        case .scale: runScale(i)
        case .channelsFirst: runChannelsFirst(i)
        case .channelsLast: runChannelsLast(i)
        case .copyColumns: copyColumns(i, from: pointer(i.first) + i.column, to: pointer(i.result))
        case .placeColumns: copyColumns(i, from: pointer(i.first), to: pointer(i.result) + i.column)
        case .spreadColumns: spreadColumns(i)
        case .embedding: runEmbedding(i)
        case .addPositions: runAddPositions(i)
        case .layerNorm: runLayerNorm(i)
        case .layerNormGradient: runLayerNormGradient(i)
        case .batchNorm: runBatchNorm(i)
        case .batchNormInference: runBatchNormInference(i)
        case .batchNormGradient: runBatchNormGradient(i)
        case .lstm, .gru: runRecurrence(i)
        case .lstmGradient: runLSTMGradient(i)
        case .gruGradient: runGRUGradient(i)
        case .attention: runAttention(i)
        case .attentionGradient: runAttentionGradient(i)
        case .linearWeightGradient, .linearBiasGradient, .convolutionWeightGradient, .convolutionBiasGradient,
            .embeddingGradient, .layerNormParameterGradient, .batchNormParameterGradient, .batchNormStatistics,
            .recurrentWeightGradient, .softmaxCrossEntropy, .smoothedSoftmaxCrossEntropy, .sequenceCrossEntropy,
            .elementwiseLoss:
            break
        }
    }

    // MARK: Operands

    func pointer(_ place: Place) -> UnsafeMutablePointer<Float> {
        switch place.space {
        // Samples are read only: no instruction has them as its result.
        case .samples: UnsafeMutablePointer(mutating: samples)
        case .arena, .none: arena + place.offset * capacity
        case .lanes: laneArena + place.offset * laneCapacity
        }
    }

    /// Nil where there is no such operand.
    func optional(_ place: Place) -> UnsafeMutablePointer<Float>? {
        place.space == .none ? nil : pointer(place)
    }

    /// Nil where there is no such tensor.
    func parameter(_ slot: Instruction.Slot) -> UnsafePointer<Float>? {
        slot.start < 0 ? nil : parameters + slot.start
    }

    func bytes(_ place: Place) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(pointer(place)).assumingMemoryBound(to: UInt8.self)
    }
}
