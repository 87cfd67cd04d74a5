public import LockstepEngine

/// A layer, or a model made of layers: a class that holds child modules and parameters in stored properties and says
/// in `callAsFunction` what happens to a tensor.
///
/// ```swift
/// final class Classifier: Module {
///     let hidden = Linear(784, 64), output = Linear(64, 10)
///
///     func callAsFunction(_ images: Tensor) -> Tensor {
///         output(relu(hidden(images.flattened())))
///     }
/// }
/// ```
///
/// A parameter's name is the path of properties that leads to it, as in PyTorch: `hidden.weight`.
public protocol Module: AnyObject, Sendable {
    func callAsFunction(_ input: Tensor) -> Tensor
}

/// A module whose children and parameters have names that are not those of its properties. A module's parameters come
/// before its children.
protocol ModuleContainer: Module {
    var namedParameters: [(name: String, parameter: Parameter)] { get }
    var namedChildren: [(name: String, module: any Module)] { get }
}

extension ModuleContainer {
    var namedParameters: [(name: String, parameter: Parameter)] { [] }
    var namedChildren: [(name: String, module: any Module)] { [] }
}
