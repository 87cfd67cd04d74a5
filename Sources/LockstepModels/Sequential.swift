public import LockstepEngine

/// Modules one after the other. A block without a name is called by its position, from 0.
public final class Sequential: Module, ModuleContainer, CustomStringConvertible {
    /// A module with the name that its parameters begin with.
    public struct Block: Sendable {
        public let name: String
        public let module: any Module
    }

    public let blocks: [Block]

    public init(_ blocks: [(name: String?, module: any Module)]) {
        self.blocks = Sequential.named(blocks)
    }

    public convenience init(_ modules: any Module...) {
        self.init(modules.map { (name: nil, module: $0) })
    }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        blocks.reduce(input) { $1.module($0) }
    }

    public var description: String {
        "sequential(" + blocks.map { "\($0.name):\($0.module)" }.joined(separator: ",") + ")"
    }

    var namedChildren: [(name: String, module: any Module)] { blocks.map { ($0.name, $0.module) } }

    /// Modules with their names, or their positions where they have none.
    static func named(_ blocks: [(name: String?, module: any Module)]) -> [Block] {
        blocks.enumerated().map { Block(name: $1.name ?? String($0), module: $1.module) }
    }
}
