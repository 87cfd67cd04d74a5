internal import CLockstepKernels

// Activations, arithmetic and the rearranging of elements.
extension GroupRun {
    func runActivation(_ i: Instruction) {
        kernels.pointee.activation(
            ls_activation(i.kind), i.setting, rows * i.elements, pointer(i.first), pointer(i.result))
    }

    func runActivationGradient(_ i: Instruction) {
        kernels.pointee.activation_gradient(
            ls_activation(i.kind), i.setting, rows * i.elements, pointer(i.first), pointer(i.second),
            pointer(i.result))
    }

    func runSoftmax(_ i: Instruction) {
        kernels.pointee.softmax(rows, i.elements, pointer(i.first), pointer(i.result))
    }

    func runSoftmaxGradient(_ i: Instruction) {
        kernels.pointee.softmax_gradient(rows, i.elements, pointer(i.first), pointer(i.second), pointer(i.result))
    }

    func runReLU(_ i: Instruction) {
        kernels.pointee.relu(rows * i.elements, pointer(i.first), pointer(i.result))
    }

    func runReLUGradient(_ i: Instruction) {
        kernels.pointee.relu_gradient(rows * i.elements, pointer(i.first), pointer(i.second), pointer(i.result))
    }

    func runDropout(_ i: Instruction) {
        var dropout = dropout
        (dropout.site, dropout.threshold, dropout.scale) = (i.site, i.threshold, i.setting)
        kernels.pointee.dropout(&dropout, rows, i.elements, firstPosition, pointer(i.first), pointer(i.result))
    }

    /// The kernel adds into one of the operands, which the result may be.
    func runAdd(_ i: Instruction) {
        let result = pointer(i.result)
        if i.result == i.second {
            kernels.pointee.add(rows * i.elements, result, pointer(i.first))
        } else {
            if i.result != i.first { result.update(from: pointer(i.first), count: rows * i.elements) }
            kernels.pointee.add(rows * i.elements, result, pointer(i.second))
        }
    }

    func runSubtract(_ i: Instruction) {
        kernels.pointee.subtract(rows * i.elements, pointer(i.first), pointer(i.second), pointer(i.result))
    }

    func runMultiply(_ i: Instruction) {
        kernels.pointee.multiply(rows * i.elements, pointer(i.first), pointer(i.second), pointer(i.result))
    }

    func runScale(_ i: Instruction) {
        kernels.pointee.scale_add(rows * i.elements, pointer(i.first), i.setting, i.secondSetting, pointer(i.result))
    }

    func runChannelsFirst(_ i: Instruction) {
        kernels.pointee.channels_first(rows, i.height * i.width, i.channels, pointer(i.first), pointer(i.result))
    }

    func runChannelsLast(_ i: Instruction) {
        kernels.pointee.channels_last(rows, i.height * i.width, i.channels, pointer(i.first), pointer(i.result))
    }

    func copyColumns(_ i: Instruction, from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>) {
        kernels.pointee.copy_columns(rows * i.positions, i.columns, from, i.inputs, to, i.outputs)
    }

    func spreadColumns(_ i: Instruction) {
        pointer(i.result).update(repeating: 0, count: rows * i.elements)
        copyColumns(i, from: pointer(i.first), to: pointer(i.result) + i.column)
    }
}
