internal import LockstepModels

extension ModelTable {
    /// Blocks made of blocks.
    static let structures: [Block] = [
        Block(key: "sequential", parameters: ["blocks"]) { arguments, scope throws(JobFileError) in
            Sequential(try blocks("blocks", arguments, scope))
        },
        Block(key: "repeat", parameters: ["count", "block"]) { arguments, scope throws(JobFileError) in
            try repetition(arguments, scope)
        },
        Block(key: "residual", parameters: ["blocks", "shortcut", "activation"]) {
            arguments, scope throws(JobFileError) in
            let body = try blocks("blocks", arguments, scope)
            var shortcut: (name: String?, module: any Module)?
            if let node = arguments.node("shortcut") {
                shortcut = try block(node, path: arguments.innerPath("shortcut"), position: "shortcut", scope)
            }
            return Residual(body, shortcut: shortcut, activation: try activation(arguments, scope))
        },
        Block(key: "concatenate", parameters: ["branches"]) { arguments, scope throws(JobFileError) in
            Concatenate(try blocks("branches", arguments, scope))
        },
    ]

    private static func blocks(
        _ key: String, _ arguments: JobArguments, _ scope: ModelScope
    ) throws(JobFileError) -> [(name: String?, module: any Module)] {
        try list(try arguments.required(key), path: arguments.innerPath(key), scope)
    }

    /// One block so many times, or a list of blocks, each time with parameters of its own.
    private static func repetition(
        _ arguments: JobArguments, _ scope: ModelScope
    ) throws(JobFileError) -> any Module {
        let count = try arguments.requiredInteger("count", atLeast: 1, atMost: 1000)
        let node = try arguments.required("block")
        let path = arguments.innerPath("block")
        var modules: [any Module] = []
        for number in 0..<count {
            if case .sequence = node.content {
                modules.append(
                    try scope.make(String(number), node, path: path) { () throws(JobFileError) in
                        Sequential(try list(node, path: path, scope))
                    })
            } else {
                let made = try block(node, path: path, position: String(number), scope)
                if let name = made.name {
                    throw JobFileError(
                        node.place, path, "the name \(name) would stand \(count) times; leave it out, they are counted")
                }
                modules.append(made.module)
            }
        }
        return Repeat(modules: modules)
    }
}
