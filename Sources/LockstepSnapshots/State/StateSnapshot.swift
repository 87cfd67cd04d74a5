package import LockstepCore
package import LockstepFormats

/// The whole state S(N) as named tensors.
package struct StateSnapshot: Sendable {
    /// Parameters and buffers, in any order.
    package var parameters: [TensorView]
    /// The optimizer's tensors without `position` and `watch`, in any order: `exp_avg.<name>` and so on.
    package var optimizer: [TensorView]
    package var position: TrainingPosition
    /// What early stopping and its like remember; nil where the job watches nothing.
    package var watch: [Double]?

    package init(
        parameters: [TensorView], optimizer: [TensorView], position: TrainingPosition, watch: [Double]? = nil
    ) {
        self.parameters = parameters
        self.optimizer = optimizer
        self.position = position
        self.watch = watch
    }

    /// The digest of parameters and buffers: what the model is.
    package var digest: Digest { TensorDigest.digest(of: [parameters]) }

    /// The digest of everything that the next step depends on.
    package var stateDigest: Digest { TensorDigest.digest(of: [parameters, optimizer, tail]) }

    /// `position`, then `watch` where there is one: the last tensors under the state digest.
    var tail: [TensorView] {
        [position.tensor] + (watch.map { [TensorView(name: StateSnapshot.watchName, doubles: $0)] } ?? [])
    }

    static let positionName = "position"
    static let watchName = "watch"
}
