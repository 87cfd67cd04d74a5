package import LockstepCore
package import LockstepFormats

/// The whole state S(N) as named tensors.
package struct StateSnapshot: Sendable {
    /// Parameters and buffers, in any order.
    package var parameters: [TensorView]
    /// The optimizer's tensors without `position`, in any order: `exp_avg.<name>` and so on.
    package var optimizer: [TensorView]
    package var position: TrainingPosition

    package init(parameters: [TensorView], optimizer: [TensorView], position: TrainingPosition) {
        self.parameters = parameters
        self.optimizer = optimizer
        self.position = position
    }

    /// The digest of parameters and buffers: what the model is.
    package var digest: Digest { TensorDigest.digest(of: [parameters]) }

    /// The digest of everything that the next step depends on.
    package var stateDigest: Digest { TensorDigest.digest(of: [parameters, optimizer, [position.tensor]]) }
}
