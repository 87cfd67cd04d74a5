public import LockstepEngine

/// Modules one after the other, whose result is added to what came in, or to what a shortcut makes of it.
///
/// Blocks are called as in `Sequential`; a shortcut without a name is called `shortcut`.
public final class Residual: Module, ModuleContainer, CustomStringConvertible {
    public let blocks: [Sequential.Block]
    public let shortcut: Sequential.Block?
    /// What follows the sum.
    public let activation: (any Module)?

    public init(
        _ blocks: [(name: String?, module: any Module)], shortcut: (name: String?, module: any Module)? = nil,
        activation: (any Module)? = nil
    ) {
        self.blocks = Sequential.named(blocks)
        self.shortcut = shortcut.map { Sequential.Block(name: $0.name ?? "shortcut", module: $0.module) }
        self.activation = activation
    }

    public convenience init(
        _ modules: any Module..., shortcut: (any Module)? = nil, activation: (any Module)? = nil
    ) {
        self.init(
            modules.map { (name: nil, module: $0) }, shortcut: shortcut.map { (name: nil, module: $0) },
            activation: activation)
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        let body = blocks.reduce(input) { $1.module($0) }
        let sum = input.tracer.add(body, shortcut?.module(input) ?? input, layer: self)
        return activation?(sum) ?? sum
    }

    public var description: String {
        text(
            "residual", ("blocks", "[" + blocks.map { "\($0.name):\($0.module)" }.joined(separator: ",") + "]"),
            ("shortcut", shortcut.map { "\($0.name):\($0.module)" }), ("activation", activation.map { "\($0)" }))
    }

    var namedChildren: [(name: String, module: any Module)] {
        (blocks + (shortcut.map { [$0] } ?? [])).map { ($0.name, $0.module) }
            + (activation.map { [("activation", $0)] } ?? [])
    }
}
