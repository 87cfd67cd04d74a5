internal import CLockstepKernels
internal import LockstepCore

// Sums over samples.
extension GroupRun {
    func runParameterGradient(_ instruction: Instruction) {
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
}
