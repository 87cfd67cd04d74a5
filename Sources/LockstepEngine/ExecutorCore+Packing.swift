internal import CLockstepKernels

// Weights in the form in which kernels read them.
extension ExecutorCore {
    /// This thread's share of the first `count` packings: panels of products, whole convolutions.
    func pack(_ thread: Int, _ parameters: UnsafePointer<Float>, _ count: Int) {
        for index in 0..<count {
            let packing = packings[index]
            let weights = parameters + packing.parameter
            let target = packed.floats + packing.packed
            let (inputs, outputs) = (packing.instruction.inputs, packing.instruction.outputs)
            switch packing.form {
            case .linear:
                packPanels(thread, k: inputs, n: outputs, weights, rowStride: 1, columnStride: inputs, target)
            case .linearTransposed:
                packPanels(thread, k: outputs, n: inputs, weights, rowStride: inputs, columnStride: 1, target)
            case .convolution:
                guard index % schedule.threads.count == thread else { continue }
                var shape = packing.instruction.convolution
                kernels.pointee.convolution_pack(&shape, weights, target)
            case .convolutionFlipped:
                guard index % schedule.threads.count == thread else { continue }
                var shape = packing.instruction.convolution
                kernels.pointee.convolution_pack_flipped(&shape, weights, target)
            }
        }
    }

    private func packPanels(
        _ thread: Int, k: Int, n: Int, _ weights: UnsafePointer<Float>, rowStride: Int, columnStride: Int,
        _ target: UnsafeMutablePointer<Float>
    ) {
        let columns = share(thread, of: n, unit: Int(LS_PANEL_WIDTH))
        guard !columns.isEmpty else { return }
        kernels.pointee.pack(
            k, columns.count, weights + columns.lowerBound * columnStride, rowStride, columnStride,
            target + columns.lowerBound * k)
    }
}
