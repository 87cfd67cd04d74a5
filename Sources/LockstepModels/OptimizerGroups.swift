internal import LockstepCore
package import LockstepEngine

/// An optimizer's groups with the elements of the flat vector that each has.
package struct OptimizerGroups: Sendable {
    /// The groups that have elements, in order.
    package let groups: [(group: ParameterGroup, ranges: [Range<Int>])]

    /// - Throws: `CommandError.usage` where a name stands for no parameter.
    package init(_ optimizer: Optimizer, layout: FlatLayout) throws {
        let parameters = layout.entries.filter { !$0.isBuffer }
        // In the order of use, as a reader of the model expects them.
        let names = parameters.reversed().map(\.name)
        var found: [(group: ParameterGroup, ranges: [Range<Int>])] = optimizer.groups.map { ($0, []) }
        for (index, group) in optimizer.groups.enumerated() {
            try NamePatterns(group.names).check(against: names, key: optimizer.key(ofGroup: index))
        }
        for entry in parameters {
            let index = found.firstIndex { NamePatterns($0.group.names).matches(entry.name) }
            if let index { found[index].ranges.append(entry.range) }
        }
        groups = found.filter { !$0.ranges.isEmpty }
    }
}
