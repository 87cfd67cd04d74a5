public import LockstepEngine

/// So many modules of one make, one after the other, called by their positions from 0. Each has parameters of its own.
public final class Repeat: Module, ModuleContainer, CustomStringConvertible {
    public let modules: [any Module]

    /// - Parameter make: makes each of them anew.
    public init(_ count: Int, _ make: () throws -> any Module) rethrows {
        modules = try (0..<max(0, count)).map { _ in try make() }
    }

    /// - Parameter modules: made already.
    package init(modules: [any Module]) { self.modules = modules }

    public func callAsFunction(_ input: Tensor) -> Tensor { modules.reduce(input) { $1($0) } }

    public var description: String {
        text("repeat", ("count", modules.count), ("block", modules.first.map { "\($0)" }))
    }

    var namedChildren: [(name: String, module: any Module)] {
        modules.enumerated().map { (String($0), $1) }
    }
}
