internal import CLockstepKernels

// Weights in the form in which kernels read them.
extension ExecutorCore {
    /// This thread's share of the first `count` packings: panels of products, whole convolutions.
    func pack(_ thread: Int, _ parameters: UnsafePointer<Float>, _ count: Int) {
        for index in 0..<count {
            let packing = packings[index]
            if let columns = packing.columns {
                packing.make(
                    kernels, parameters, packed.floats, columns: share(thread, of: columns, unit: Int(LS_PANEL_WIDTH)))
            } else if index % schedule.threads.count == thread {
                packing.make(kernels, parameters, packed.floats)
            }
        }
    }
}

extension Packing {
    /// Of a product's right operand; nil for a convolution, which is packed as a whole.
    var columns: Int? {
        switch form {
        case .linear: instruction.outputs
        case .linearTransposed: instruction.inputs
        case .convolution, .convolutionFlipped: nil
        }
    }

    /// - Parameter columns: those that are packed, from a multiple of LS_PANEL_WIDTH on; nil for all.
    func make(
        _ kernels: UnsafePointer<ls_kernels>, _ parameters: UnsafePointer<Float>, _ all: UnsafeMutablePointer<Float>,
        columns: Range<Int>? = nil
    ) {
        let (weights, target) = (parameters + parameter, all + packed)
        let (inputs, outputs) = (instruction.inputs, instruction.outputs)
        var shape = instruction.convolution
        switch form {
        case .linear:
            let columns = columns ?? 0..<outputs
            guard !columns.isEmpty else { return }
            kernels.pointee.pack(
                inputs, columns.count, weights + columns.lowerBound * inputs, 1, inputs,
                target + columns.lowerBound * inputs)
        case .linearTransposed:
            let columns = columns ?? 0..<inputs
            guard !columns.isEmpty else { return }
            kernels.pointee.pack(
                outputs, columns.count, weights + columns.lowerBound, inputs, 1, target + columns.lowerBound * outputs)
        case .convolution: kernels.pointee.convolution_pack(&shape, weights, target)
        case .convolutionFlipped: kernels.pointee.convolution_pack_flipped(&shape, weights, target)
        }
    }
}
