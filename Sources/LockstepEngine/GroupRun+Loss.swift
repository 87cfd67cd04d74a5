internal import CLockstepKernels

// The loss, and what is measured beside it.
extension GroupRun {
    func runLoss(_ i: Instruction) {
        let losses = pointer(i.extra)
        // The gradient may take the outputs' place.
        if let outputs, rows > 0 { outputs.update(from: pointer(i.first), count: rows * i.elements) }
        for lane in 0..<laneCount { measure(i, lane) }
        if rows > 0 { computeLoss(i, losses) }
        for lane in 0..<laneCount {
            var (loss, weight) = (0.0, 0.0)
            for row in rows(ofLane: lane) {
                loss += Double(losses[row])
                weight += self.weight(ofRow: row)
            }
            results[firstLane + lane] = LaneResult(loss: loss, weight: weight, isFinite: loss.isFinite)
        }
    }

    private func computeLoss(_ i: Instruction, _ losses: UnsafeMutablePointer<Float>) {
        let k = kernels
        let outputs = pointer(i.first)
        let gradient = i.result.space == .none ? nil : pointer(i.result)
        switch i.code {
        case .elementwiseLoss:
            k.pointee.elementwise_loss(
                ls_elementwise_loss(i.kind), i.setting, rows, i.elements, outputs,
                targets.assumingMemoryBound(to: Float.self), losses, gradient)
        case .smoothedSoftmaxCrossEntropy:
            k.pointee.softmax_cross_entropy_smoothed(
                rows, i.elements, outputs, targets.assumingMemoryBound(to: Int32.self), i.setting, classWeights,
                losses, gradient)
        case .sequenceCrossEntropy:
            k.pointee.sequence_cross_entropy(
                rows, i.positions, i.outputs, outputs, targets.assumingMemoryBound(to: Int32.self), losses, gradient,
                bytes(i.correct))
        default:
            k.pointee.softmax_cross_entropy(
                rows, i.elements, outputs, targets.assumingMemoryBound(to: Int32.self), losses, gradient,
                bytes(i.correct))
        }
    }

    /// The metrics' sums over one lane. Positions of a sequence that have a class are counted like samples.
    private func measure(_ i: Instruction, _ lane: Int) {
        var sums = metricSums + (firstLane + lane) * metricSumCount
        sums.update(repeating: 0, count: metricSumCount)
        let outputs = pointer(i.first)
        let isSequence = i.code == .sequenceCrossEntropy
        let (positions, width) = isSequence ? (i.positions, i.outputs) : (1, i.elements)
        let words = isSequence ? 1 : targetElements
        let samples = rows(ofLane: lane)
        for metric in metrics {
            for row in samples.lowerBound * positions..<samples.upperBound * positions {
                let target = targets + 4 * row * words
                if isSequence, target.assumingMemoryBound(to: Int32.self)[0] < 0 { continue }
                metric.add(
                    UnsafeBufferPointer(start: outputs + row * width, count: width), target, into: sums, kernels)
            }
            sums += metric.count
        }
    }

    private func weight(ofRow row: Int) -> Double {
        guard let classWeights else { return 1 }
        return Double(classWeights[Int(targets.assumingMemoryBound(to: Int32.self)[row])])
    }

    /// Counted from the group's first.
    private func rows(ofLane lane: Int) -> Range<Int> { Int(laneStarts[lane])..<Int(laneStarts[lane + 1]) }
}
