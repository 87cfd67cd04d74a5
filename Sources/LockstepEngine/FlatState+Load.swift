internal import LockstepCore

extension FlatState {
    /// Keeps the parameters as the best so far. Without effect where the best is not kept.
    package func keepBest() {
        guard keepsBest, let best = vectorMemory.last else { return }
        best.floats.update(from: parameters, count: layout.count)
    }

    /// Makes the best parameters so far those of the state. Without effect where the best is not kept.
    package func restoreBest() {
        guard keepsBest, let best = vectorMemory.last else { return }
        parameters.update(from: best.floats, count: layout.count)
    }

    /// Fills the parameters, and the vectors beside them if `withVectors`, from tensors by name. What lies between
    /// tensors stays zero.
    ///
    /// - Parameter tensor: the elements of the tensor of a name (`0.weight`, `exp_avg.0.weight`), or nil where there is
    ///   none.
    /// - Throws: `CommandError` that names the tensor that is missing or has another number of elements.
    package func load(withVectors: Bool = true, from tensor: (String) throws -> [Float]?) throws {
        for view in parameterViews + (withVectors ? optimizerViews : []) {
            let name = view.name.escapedForDisplay()
            guard let elements = try tensor(view.name) else {
                throw CommandError(
                    .verification,
                    "there is no tensor '\(name)' of shape \(view.shape); use a file that was written for this model")
            }
            guard elements.count == view.elements.count else {
                throw CommandError(
                    .verification,
                    "tensor '\(name)' has \(elements.count) elements, but the model's has shape \(view.shape); "
                        + "use a file that was written for this model")
            }
            _ = view.elements.update(fromContentsOf: elements)
        }
    }
}
