internal import CLockstepKernels

extension GroupRun {
    func runMaxPool(_ i: Instruction) {
        var shape = i.pooling
        kernels.pointee.max_pool(&shape, rows, pointer(i.first), pointer(i.result), bytes(i.extra))
    }

    func runMaxPoolGradient(_ i: Instruction) {
        var shape = i.pooling
        kernels.pointee.max_pool_gradient(&shape, rows, pointer(i.second), bytes(i.first), pointer(i.result))
    }

    func runAveragePool(_ i: Instruction) {
        var shape = i.pooling
        kernels.pointee.average_pool(&shape, rows, pointer(i.first), pointer(i.result))
    }

    func runAveragePoolGradient(_ i: Instruction) {
        var shape = i.pooling
        kernels.pointee.average_pool_gradient(&shape, rows, pointer(i.first), pointer(i.result))
    }

    func runAdaptiveAveragePool(_ i: Instruction) {
        var shape = i.adaptivePooling
        kernels.pointee.adaptive_average_pool(&shape, rows, pointer(i.first), pointer(i.result))
    }

    func runAdaptiveAveragePoolGradient(_ i: Instruction) {
        var shape = i.adaptivePooling
        kernels.pointee.adaptive_average_pool_gradient(&shape, rows, pointer(i.first), pointer(i.result))
    }
}
