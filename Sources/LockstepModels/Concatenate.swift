public import LockstepEngine

/// Gives the same input to several modules and joins their results along the last dimension, of images the channels.
/// A branch without a name is called by its position, from 0.
public final class Concatenate: Module, ModuleContainer, CustomStringConvertible {
    public let branches: [Sequential.Block]

    public init(_ branches: [(name: String?, module: any Module)]) { self.branches = Sequential.named(branches) }

    public convenience init(_ modules: any Module...) { self.init(modules.map { (name: nil, module: $0) }) }

    public func callAsFunction(_ input: Tensor) -> Tensor {
        guard !branches.isEmpty else { return input }
        return input.tracer.concatenate(branches.map { $0.module(input) }, layer: self)
    }

    public var description: String {
        "concatenate(" + branches.map { "\($0.name):\($0.module)" }.joined(separator: ",") + ")"
    }

    var namedChildren: [(name: String, module: any Module)] { branches.map { ($0.name, $0.module) } }
}
