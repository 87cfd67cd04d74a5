package import LockstepEngine

extension Plan {
    /// Compiles `model` for samples of `inputShape`; images are height × width × channels.
    ///
    /// - Throws: `CommandError.usage` where shapes do not fit, names clash, or a parameter takes no part.
    package static func compile(
        model: any Module, inputShape: [Int], loss: Loss, optimizer: Optimizer
    ) throws -> Plan {
        try compile(
            names: ModelNames(of: model), inputShape: inputShape, loss: loss.kind, optimizer: optimizer.kind
        ) { model($0) }
    }
}
