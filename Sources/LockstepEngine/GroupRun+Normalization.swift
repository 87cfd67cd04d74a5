internal import CLockstepKernels

extension GroupRun {
    func runLayerNorm(_ i: Instruction) {
        kernels.pointee.layer_norm(
            rows * i.positions, i.inputs, i.setting, pointer(i.first), parameter(i.weight), parameter(i.bias),
            pointer(i.result), pointer(i.extra))
    }

    func runLayerNormGradient(_ i: Instruction) {
        kernels.pointee.layer_norm_gradient(
            rows * i.positions, i.inputs, pointer(i.first), pointer(i.second), parameter(i.weight), pointer(i.third),
            optional(i.residual), pointer(i.result))
    }

    func runBatchNorm(_ i: Instruction) {
        var shape = i.batchNormalization
        kernels.pointee.batch_norm(
            &shape, pointer(i.first), laneStarts, laneCount, parameter(i.weight), parameter(i.bias),
            optional(i.residual), i.function == LS_RELU, pointer(i.result), pointer(i.extra))
    }

    func runBatchNormInference(_ i: Instruction) {
        var shape = i.batchNormalization
        kernels.pointee.batch_norm_inference(
            &shape, rows, pointer(i.first), parameter(i.weight), parameter(i.bias), parameter(i.mean),
            parameter(i.variance), optional(i.residual), i.function == LS_RELU, pointer(i.result))
    }

    func runBatchNormGradient(_ i: Instruction) {
        var shape = i.batchNormalization
        kernels.pointee.batch_norm_gradient(
            &shape, pointer(i.first), pointer(i.second), parameter(i.weight), pointer(i.third), nil, nil, laneStarts,
            laneCount, pointer(i.result), pointer(i.extra))
    }
}
