internal import LockstepCore
internal import LockstepEngine

/// Finds the parameters and layers of a model in its stored properties, in their order, those of superclasses first. A
/// module or parameter that occurs twice has its first name.
struct ModelWalk {
    private(set) var names = ModelNames()
    /// Each once, in the order of stored properties.
    private(set) var parameters: [(name: String, parameter: Parameter)] = []

    mutating func visit(_ module: any Module, path: String) throws {
        guard names.add(layer: module, name: path) else { return }
        if let container = module as? any ModuleContainer {
            for (name, parameter) in container.namedParameters { add(parameter, name: joined(path, name)) }
            try visit(container.namedChildren, path: path)
            return
        }
        var mirrors: [Mirror] = []
        var mirror: Mirror? = Mirror(reflecting: module)
        while let current = mirror {
            mirrors.append(current)
            mirror = current.superclassMirror
        }
        for mirror in mirrors.reversed() {
            for child in mirror.children {
                guard let label = child.label else { continue }
                try visit(value: child.value, path: joined(path, label))
            }
        }
    }

    private mutating func visit(value: Any, path: String) throws {
        if let parameter = value as? Parameter {
            add(parameter, name: path)
        } else if let module = value as? any Module {
            try visit(module, path: path)
        } else if let modules = value as? [any Module] {
            for (index, module) in modules.enumerated() { try visit(module, path: joined(path, String(index))) }
        } else if let parameters = value as? [Parameter] {
            for (index, parameter) in parameters.enumerated() { add(parameter, name: joined(path, String(index))) }
        } else {
            let mirror = Mirror(reflecting: value)
            guard mirror.displayStyle == .optional || mirror.displayStyle == .collection else { return }
            for (index, child) in mirror.children.enumerated() {
                try visit(
                    value: child.value, path: mirror.displayStyle == .optional ? path : joined(path, String(index)))
            }
        }
    }

    private mutating func visit(_ children: [(name: String, module: any Module)], path: String) throws {
        var seen: Set<String> = []
        for (name, module) in children {
            guard !name.isEmpty, !name.contains(".") else {
                throw CommandError.usage(
                    "model: a block is named '\(name.escapedForDisplay())'; a name has at least one character and no dot"
                )
            }
            guard seen.insert(name).inserted else {
                throw CommandError.usage(
                    "model: two blocks are named '\(joined(path, name).escapedForDisplay())'; rename one")
            }
            try visit(module, path: joined(path, name))
        }
    }

    private func joined(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }

    private mutating func add(_ parameter: Parameter, name: String) {
        guard names.name(of: parameter) == nil else { return }
        names.add(parameter, name: name)
        parameters.append((name, parameter))
    }
}
