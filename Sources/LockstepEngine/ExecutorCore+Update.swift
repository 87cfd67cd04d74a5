internal import CLockstepKernels

// The optimizer over the flat state, and the rules of buffers.
extension ExecutorCore {
    /// The total is read only: slices of it may still be on their way to slower members. What prepares the gradient works
    /// on a copy, block by block.
    func update(_ thread: Int, _ update: Update) {
        let clippedScale = clippedScale(thread, update)
        let share = share(thread, of: plan.layout.parameterEnd, unit: FlatLayout.alignment)
        update.step.forEachPart(of: share) { range, part in apply(update, part, range, thread, clippedScale) }
        if thread == 0 { updateStatistics(update) }
    }

    /// One rule over a range.
    private func apply(
        _ update: Update, _ part: OptimizerStep.Part, _ range: Range<Int>, _ thread: Int, _ clippedScale: Float?
    ) {
        guard var preparation = part.preparation else {
            return apply(update, part.rule, range, gradient: update.gradient + range.lowerBound)
        }
        preparation.scale = clippedScale ?? preparation.scale
        let block = Int(LS_HASH_BLOCK)
        let gradient = preparedGradients.floats + thread * block
        for start in stride(from: range.lowerBound, to: range.upperBound, by: block) {
            let range = start..<min(start + block, range.upperBound)
            gradient.update(from: update.gradient + start, count: range.count)
            kernels.pointee.prepare_gradient(range.count, gradient, update.parameters + start, &preparation)
            apply(update, part.rule, range, gradient: gradient)
        }
    }

    /// The optimizer's rule over a range, element by element.
    private func apply(
        _ update: Update, _ rule: OptimizerStep.Rule, _ range: Range<Int>, gradient: UnsafePointer<Float>
    ) {
        let (count, start) = (range.count, range.lowerBound)
        let k = kernels
        let parameters = update.parameters + start
        let first = update.first.map { $0 + start }
        let second = update.second.map { $0 + start }
        switch rule {
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

    /// running = fma(momentum, total · scale − running, running): a penalty of −1 on the running value makes the
    /// difference, a step of SGD against it the rest.
    private func updateStatistics(_ update: Update) {
        let block = Int(LS_HASH_BLOCK)
        let difference = preparedGradients.floats
        for statistic in statistics {
            let weight = statistic.weight(batchCount: update.batchCount, laneCount: laneCount)
            guard weight > 0 else { continue }
            var preparation = ls_gradient_preparation(scale: Float(1 / Double(weight)), clip: 0, l1: 0, l2: -1)
            for start in stride(from: statistic.range.lowerBound, to: statistic.range.upperBound, by: block) {
                let count = min(block, statistic.range.upperBound - start)
                let running = update.parameters + start
                difference.update(from: update.gradient + start, count: count)
                kernels.pointee.prepare_gradient(count, difference, running, &preparation)
                kernels.pointee.sgd(count, running, difference, 1, -statistic.momentum)
            }
        }
    }

    /// The factor of a gradient that is clipped by its norm, nil where it is not. Every thread adds the sums of all
    /// blocks in their order, so all have the same bits.
    private func clippedScale(_ thread: Int, _ update: Update) -> Float? {
        guard let maximumNorm = update.step.maximumNorm else { return nil }
        let block = Int(LS_HASH_BLOCK)
        let share = share(thread, of: plan.layout.parameterEnd, unit: block)
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
