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
            let rule = initialValues.first { NamePatterns($0.names).matches(name) }
            if let rule { initializers[name] = rule.values.keepingZeroRow(of: parameter.initializer) }
        }
    }
}

extension Initializer {
    /// An embedding's padding token starts as zeros whatever the others start as.
    fileprivate func keepingZeroRow(of other: Initializer) -> Initializer {
        guard case .normal(let deviation, nil) = self, case .normal(_, let row) = other else { return self }
        return .normal(deviation: deviation, zeroRow: row)
    }
}
