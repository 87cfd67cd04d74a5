internal import CLockstepKernels

// Matrix products and convolutions.
extension GroupRun {
    /// y = x·Wᵀ.
    func runLinear(_ i: Instruction) {
        runProduct(i, from: i.inputs, to: i.outputs, rowStride: 1, columnStride: i.inputs)
    }

    /// dx = dy·W.
    func runLinearDataGradient(_ i: Instruction) {
        runProduct(i, from: i.outputs, to: i.inputs, rowStride: i.inputs, columnStride: 1)
    }

    /// By the packed weight, or by the weight whose elements are these strides apart.
    private func runProduct(_ i: Instruction, from inputs: Int, to outputs: Int, rowStride: Int, columnStride: Int) {
        var epilogue = epilogue(of: i)
        let (count, x, y) = (rows * i.positions, pointer(i.first), pointer(i.result))
        if i.packed < 0 {
            kernels.pointee.product_unpacked(
                count, outputs, inputs, x, inputs, parameter(i.weight), rowStride, columnStride, &epilogue, y, outputs)
        } else {
            kernels.pointee.product(count, outputs, inputs, x, inputs, packed + i.packed, &epilogue, y, outputs)
        }
    }

    func runConvolution(_ i: Instruction) {
        var (shape, epilogue) = (i.convolution, epilogue(of: i))
        kernels.pointee.convolution_forward(
            &shape, rows, pointer(i.first), packed + i.packed, &epilogue, pointer(i.result), scratch)
    }

    func runConvolutionDataGradient(_ i: Instruction) {
        var (shape, epilogue) = (i.convolution, epilogue(of: i))
        kernels.pointee.convolution_data_gradient(
            &shape, rows, pointer(i.first), packed + i.packed, &epilogue, pointer(i.result), scratch)
    }

    private func epilogue(of i: Instruction) -> ls_epilogue {
        var epilogue = ls_epilogue()
        epilogue.bias = parameter(i.bias)
        epilogue.activation = i.function
        epilogue.parameter = i.setting
        epilogue.before = optional(i.extra)
        epilogue.residual = UnsafePointer(optional(i.residual))
        if i.derivative == LS_RELU {
            epilogue.mask = UnsafePointer(optional(i.saved))
        } else {
            epilogue.saved = UnsafePointer(optional(i.saved))
            epilogue.saved_activation = i.derivative
        }
        return epilogue
    }
}
