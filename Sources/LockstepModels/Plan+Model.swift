package import LockstepEngine

extension Plan {
    /// Compiles `model` for samples of `inputShape`; images are height × width × channels.
    ///
    /// - Parameters:
    ///   - metrics: what is measured; the loss's own where it is nil.
    ///   - initialValues: how parameters start; as PyTorch's where no rule names them.
    /// - Throws: `CommandError.usage` where shapes do not fit, names clash, a parameter takes no part, a rule names none,
    ///   or a metric does not fit the loss.
    package static func compile(
        model: any Module, inputShape: [Int], loss: Loss, optimizer: Optimizer, metrics: [Metric]? = nil,
        initialValues: [InitialValues] = []
    ) throws -> Plan {
        let plan = try compile(
            names: ModelNames(of: model, initialValues: initialValues), inputShape: inputShape, loss: loss.kind,
            optimizer: optimizer.kind
        ) { model($0) }
        let set = try MetricSet(
            metrics ?? Metric.defaults(for: loss), loss: loss, outputs: plan.metricOutputs)
        return plan.measuring(set.sums)
    }
}
