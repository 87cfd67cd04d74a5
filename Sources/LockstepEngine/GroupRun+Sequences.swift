internal import CLockstepKernels

extension GroupRun {
    func runEmbedding(_ i: Instruction) {
        kernels.pointee.embedding(
            rows * i.positions, i.inputs, i.outputs, pointer(i.first), parameter(i.weight), pointer(i.result))
    }

    func runAddPositions(_ i: Instruction) {
        kernels.pointee.add_broadcast(rows, i.elements, pointer(i.first), parameter(i.weight), pointer(i.result))
    }
}
