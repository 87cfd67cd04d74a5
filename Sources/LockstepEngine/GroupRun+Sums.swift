internal import CLockstepKernels
internal import LockstepCore

// Sums over samples.
extension GroupRun {
    /// Adjacent lanes of the group, and where the gradients summed over them go.
    private struct Sum {
        var firstLane: Int
        var laneCount: Int
        var weight: UnsafeMutablePointer<Float>
        var bias: UnsafeMutablePointer<Float>
    }

    func runParameterGradient(_ i: Instruction) {
        guard i.weight.shared >= 0 else {
            for index in 0..<subtreeCount {
                let (lanes, gradient) = (subtrees[index].lanes, gradients[index])
                sum(
                    i,
                    Sum(
                        firstLane: lanes.lowerBound - firstLane, laneCount: lanes.count,
                        weight: gradient + i.weight.start, bias: gradient + max(0, i.bias.start)))
            }
            return
        }
        let second = contribution + FlatLayout.aligned(i.weight.count)
        for lane in 0..<laneCount {
            let totals = shared + lane * sharedFloatsPerLane
            sum(
                i,
                Sum(
                    firstLane: lane, laneCount: 1,
                    weight: i.weight.isFirstContribution ? totals + i.weight.shared : contribution,
                    bias: i.bias.isFirstContribution ? totals + max(0, i.bias.shared) : second))
            add(i.weight, contribution, to: totals)
            add(i.bias, second, to: totals)
        }
        addSharedLanes(i.weight)
        addSharedLanes(i.bias)
    }

    /// Adds one more contribution of a lane.
    private func add(
        _ slot: Instruction.Slot, _ contribution: UnsafePointer<Float>, to totals: UnsafeMutablePointer<Float>
    ) {
        guard !slot.isFirstContribution else { return }
        kernels.pointee.add(slot.count, totals + slot.shared, contribution)
    }

    /// Adds the lanes, where all contributions are there.
    private func addSharedLanes(_ slot: Instruction.Slot) {
        guard slot.shared >= 0, slot.isLastContribution else { return }
        for index in 0..<subtreeCount {
            let first = shared + (subtrees[index].lanes.lowerBound - firstLane) * sharedFloatsPerLane + slot.shared
            for addition in laneAdditions[index] {
                kernels.pointee.add(
                    slot.count, first + addition.into * sharedFloatsPerLane,
                    first + addition.from * sharedFloatsPerLane)
            }
            (gradients[index] + slot.start).update(from: first, count: slot.count)
        }
    }

    /// The table of sums over the lanes of one complete subtree.
    private func sum(_ i: Instruction, _ sum: Sum) {
        let k = kernels
        let (starts, lanes) = (laneStarts + sum.firstLane, sum.laneCount)
        switch i.code {
        case .linearWeightGradient:
            k.pointee.weight_gradient(
                i.outputs, i.inputs, pointer(i.second) + i.column, max(i.columns, i.outputs), pointer(i.first),
                i.positions, starts, lanes, sum.weight, scratch)
        case .linearBiasGradient:
            k.pointee.column_sums(i.outputs, pointer(i.first), i.positions, starts, lanes, sum.weight)
            if i.bias.start >= 0 { sum.bias.update(from: sum.weight, count: i.bias.count) }
        case .convolutionWeightGradient:
            var shape = i.convolution
            k.pointee.convolution_weight_gradient(
                &shape, pointer(i.first), pointer(i.second), starts, lanes, sum.weight, scratch)
        case .convolutionBiasGradient:
            var shape = i.convolution
            k.pointee.convolution_bias_gradient(&shape, pointer(i.first), starts, lanes, sum.weight)
        case .embeddingGradient:
            UnsafeMutableRawPointer(scratch).withMemoryRebound(to: UInt32.self, capacity: 1) {
                k.pointee.embedding_gradient(
                    i.inputs, i.outputs, Int64(i.paddingToken), pointer(i.first), pointer(i.second), i.positions,
                    starts, lanes, sum.weight, $0)
            }
        case .layerNormParameterGradient:
            k.pointee.layer_norm_parameter_gradient(
                i.inputs, pointer(i.first), pointer(i.second), pointer(i.third), i.positions, starts, lanes,
                sum.weight, sum.bias)
        case .batchNormParameterGradient:
            var shape = i.batchNormalization
            k.pointee.batch_norm_parameter_gradient(
                &shape, pointer(i.first) + sum.firstLane * 2 * i.channels, lanes, sum.weight, sum.bias)
        case .batchNormStatistics:
            var shape = i.batchNormalization
            k.pointee.batch_norm_running(
                &shape, pointer(i.first) + sum.firstLane * 3 * i.channels, starts, lanes, sum.weight, sum.bias)
        case .recurrentWeightGradient:
            var shape = i.recurrence
            k.pointee.recurrent_weight_gradient(
                &shape, i.outputs, pointer(i.first), pointer(i.second), starts, lanes, sum.weight, scratch)
        default:
            break
        }
    }
}
