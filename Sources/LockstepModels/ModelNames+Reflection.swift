internal import LockstepCore
package import LockstepEngine

extension ModelNames {
    /// The names of a model's parameters and layers: the paths of stored properties.
    ///
    /// - Parameter initialValues: how parameters start; as their modules say where no rule names them.
    /// - Throws: `CommandError.usage` where names are not usable, or a rule names nothing.
    package init(of model: any Module, initialValues: [InitialValues] = []) throws {
        var walk = ModelWalk()
        try walk.visit(model, path: "")
        self = walk.names
        let parameters = walk.parameters.filter { !$0.parameter.isBuffer }
        for (index, rule) in initialValues.enumerated() {
            try NamePatterns(rule.names).check(
                against: parameters.map(\.name), key: "initialValues.\(index).names")
        }
        for (name, parameter) in parameters {
            let index = initialValues.firstIndex { NamePatterns($0.names).matches(name) }
            guard let index else { continue }
            let values = initialValues[index].values
            guard values != .xavierUniform || parameter.extents.count == 2 else {
                throw CommandError.usage(
                    "initialValues.\(index): xavierUniform is for matrices, but '\(name.escapedForDisplay())' has "
                        + "\(parameter.extents.count) dimensions; name matrices alone")
            }
            guard let own = values.keepingZeroRow(of: parameter.initializer) else {
                throw CommandError.usage(
                    "initialValues.\(index): the padding token of '\(name.escapedForDisplay())' starts as zeros; "
                        + "give it normal or zeros")
            }
            initializers[name] = own
        }
    }
}

extension Initializer {
    /// An embedding's padding token starts as zeros whatever the others start as; nil where this has no such row.
    fileprivate func keepingZeroRow(of other: Initializer) -> Initializer? {
        guard case .normal(_, let row?) = other else { return self }
        switch self {
        case .normal(let deviation, _): return .normal(deviation: deviation, zeroRow: row)
        case .zeros: return self
        case .uniformByFanIn, .uniform, .xavierUniform, .ones: return nil
        }
    }
}
