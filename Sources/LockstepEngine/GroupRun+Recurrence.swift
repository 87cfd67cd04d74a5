internal import CLockstepKernels

// Recurrent layers and attention.
extension GroupRun {
    /// The kernel makes the gates of the input's part, in place.
    func runRecurrence(_ i: Instruction) {
        var shape = i.recurrence
        let gates = pointer(i.extra)
        if i.extra != i.first { gates.update(from: pointer(i.first), count: rows * i.positions * i.outputs) }
        let run = i.code == .lstm ? kernels.pointee.lstm : kernels.pointee.gru
        run?(
            &shape, rows, gates, packed + i.packed, parameter(i.bias), pointer(i.result), pointer(i.fourth), scratch)
    }

    func runLSTMGradient(_ i: Instruction) {
        var shape = i.recurrence
        kernels.pointee.lstm_gradient(
            &shape, rows, gatesForGradient(i), pointer(i.second), packed + i.packed, pointer(i.third), scratch)
    }

    func runGRUGradient(_ i: Instruction) {
        var shape = i.recurrence
        kernels.pointee.gru_gradient(
            &shape, rows, gatesForGradient(i), pointer(i.second), pointer(i.third), packed + i.packed,
            pointer(i.fourth), pointer(i.extra), scratch)
    }

    /// The gates become their gradients, in place.
    private func gatesForGradient(_ i: Instruction) -> UnsafeMutablePointer<Float> {
        let gates = pointer(i.result)
        if i.result != i.first { gates.update(from: pointer(i.first), count: rows * i.positions * i.outputs) }
        return gates
    }

    func runAttention(_ i: Instruction) {
        var (shape, dropout) = (i.attention, attentionDropout(i))
        withUnsafePointer(to: &dropout) {
            kernels.pointee.attention(
                &shape, i.setting > 0 ? $0 : nil, firstPosition, rows, pointer(i.first), pointer(i.extra),
                pointer(i.result), scratch)
        }
    }

    func runAttentionGradient(_ i: Instruction) {
        var (shape, dropout) = (i.attention, attentionDropout(i))
        withUnsafePointer(to: &dropout) {
            kernels.pointee.attention_gradient(
                &shape, i.setting > 0 ? $0 : nil, firstPosition, rows, pointer(i.first), pointer(i.second),
                pointer(i.third), pointer(i.result), scratch)
        }
    }

    /// What it drops, where its scale is not 0.
    private func attentionDropout(_ i: Instruction) -> ls_dropout {
        var dropout = dropout
        (dropout.site, dropout.threshold, dropout.scale) = (i.site, i.threshold, i.setting)
        return dropout
    }
}
