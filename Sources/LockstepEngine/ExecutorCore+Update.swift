internal import CLockstepKernels

// The optimizer over the flat state.
extension ExecutorCore {
    /// The total is read only: slices of it may still be on their way to slower members. What prepares the gradient works
    /// on a copy, block by block.
    func update(_ thread: Int, _ update: Update) {
        let scale = preparationScale(thread, update)
        let share = share(thread, of: plan.layout.count, unit: FlatLayout.alignment)
        guard !share.isEmpty else { return }
        guard var preparation = update.step.preparation else {
            return apply(update, share, gradient: update.gradient + share.lowerBound)
        }
        preparation.scale = scale ?? preparation.scale
        let block = Int(LS_HASH_BLOCK)
        let gradient = preparedGradients.floats + thread * block
        for start in stride(from: share.lowerBound, to: share.upperBound, by: block) {
            let range = start..<min(start + block, share.upperBound)
            gradient.update(from: update.gradient + start, count: range.count)
            kernels.pointee.prepare_gradient(range.count, gradient, update.parameters + start, &preparation)
            apply(update, range, gradient: gradient)
        }
    }

    /// The optimizer's rule over a range, element by element.
    private func apply(_ update: Update, _ range: Range<Int>, gradient: UnsafePointer<Float>) {
        let (count, start) = (range.count, range.lowerBound)
        let k = kernels
        let parameters = update.parameters + start
        let first = update.first.map { $0 + start }
        let second = update.second.map { $0 + start }
        switch update.step.rule {
        case .sgd(let scale, let rate): k.pointee.sgd(count, parameters, gradient, scale, rate)
        case .momentum(var constants):
            k.pointee.sgd_momentum(count, parameters, first, gradient, &constants)
        case .adam(var constants):
            k.pointee.adam(count, parameters, first, second, gradient, &constants)
        case .adamW(var constants, let decay):
            k.pointee.adamw(count, parameters, first, second, gradient, &constants, decay)
        case .rmsprop(var constants):
            k.pointee.rmsprop(count, parameters, first, second, gradient, &constants)
        case .adagrad(var constants):
            k.pointee.adagrad(count, parameters, first, gradient, &constants)
        }
    }

    /// The factor of a gradient that is clipped by its norm, nil where it is not. Every thread adds the sums of all
    /// blocks in their order, so all have the same bits.
    private func preparationScale(_ thread: Int, _ update: Update) -> Float? {
        guard let maximumNorm = update.step.maximumNorm else { return nil }
        let block = Int(LS_HASH_BLOCK)
        let share = share(thread, of: plan.layout.count, unit: block)
        if !share.isEmpty {
            kernels.pointee.square_sums(
                share.count, update.gradient + share.lowerBound, squareSums + share.lowerBound / block)
        }
        barrier.wait()
        var sum = 0.0
        for index in 0..<squareSumCount { sum += squareSums[index] }
        return update.step.clippedScale(squareSum: sum, maximumNorm: maximumNorm)
    }
}
