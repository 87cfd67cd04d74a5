internal import LockstepCore

/// Records what a model does to its input. The first thing that does not fit is kept as an error and tracing goes on,
/// so that a model's code never has to handle one.
package final class Tracer {
    /// A model is traced once for each.
    package enum Mode: Sendable { case training, inference }

    package let mode: Mode
    private let names: ModelNames
    private(set) var graph = Graph()
    private(set) var error: CommandError?
    // Both: looked up by name only, never iterated.
    private var parameterNumbers: [String: Int] = [:]
    private var dropoutCounts: [String: Int] = [:]

    init(mode: Mode, names: ModelNames) {
        self.mode = mode
        self.names = names
    }

    func input(shape: [Int]) -> Tensor {
        guard elements(of: shape) != nil else {
            fail(layer: nil, "input", "a shape of \(shape) has no elements or too many")
            return Tensor(tracer: self, value: append(.input, results: [Graph.Value(shape: [1])]), shape: [1])
        }
        return Tensor(tracer: self, value: append(.input, results: [Graph.Value(shape: shape)]), shape: shape)
    }

    // MARK: Operations

    /// x·Wᵀ + b of a flat input or of each position of a sequence, where `weight` is [outputs, inputs] and `bias` is
    /// [outputs].
    package func linear(_ x: Tensor, weight: Parameter, bias: Parameter?, layer: AnyObject?) -> Tensor {
        guard check(x, layer, "linear") else { return x }
        guard isRows(x, layer, "linear"), check(weight, bias, rank: 2, layer, "linear") else { return x }
        let inputs = x.shape[x.shape.count - 1]
        guard let outputs = positive(weight.extents[0]) else {
            return fail(x, layer, "linear", "outputs is \(text(weight.extents[0])); it must be at least 1")
        }
        if let expected = weight.extents[1], expected != inputs {
            return fail(
                x, layer, "linear",
                "takes \(expected) inputs, but what comes in is \(x.shape); write \(inputs) or leave inputs out")
        }
        let shape: [Int] = x.shape.dropLast() + [outputs]
        guard elements(of: shape) != nil else {
            return fail(x, layer, "linear", "its result of shape \(shape) has too many elements")
        }
        guard
            let parameters = use(
                weight, [outputs, inputs], bias, outputs: outputs, fanIn: inputs, layer: layer, kind: "linear")
        else { return x }
        return result(.linear(), x, parameters, shape: shape, layer: layer)
    }

    /// Ends the graph with its loss.
    ///
    /// - Returns: the shape of the model's outputs.
    func finish(_ outputs: Tensor, loss: LossKind) -> [Int] {
        guard check(outputs, nil, loss.name) else { return [1] }
        if loss.takesClasses, !areClasses(outputs, loss) { return [1] }
        var results = [Graph.Value(shape: [1])]
        let positions = loss.takesClasses ? outputs.shape.dropLast().reduce(1, *) : 1
        if loss.tellsCorrect { results.append(Graph.Value(shape: [positions], bytesPerElement: 1)) }
        if mode == .training { results.append(Graph.Value(shape: outputs.shape)) }
        _ = graph.append(.loss(loss), inputs: [outputs.value], results: results)
        return outputs.shape
    }

    /// Whether there is one number a class, or where the loss takes sequences such numbers for each position.
    private func areClasses(_ outputs: Tensor, _ loss: LossKind) -> Bool {
        let classes = outputs.shape[outputs.shape.count - 1]
        guard outputs.shape.count != 2 || loss.tellsCorrect else {
            fail(
                layer: nil, loss.name,
                "takes one number a class, but the model gives \(outputs.shape); leave out labelSmoothing and "
                    + "classWeights, or take one position, for example with the block last")
            return false
        }
        guard outputs.shape.count <= 2, classes >= 2 else {
            fail(
                layer: nil, loss.name,
                "takes one number a class, but the model gives \(outputs.shape); "
                    + "end it with a linear layer of as many outputs as there are classes")
            return false
        }
        let weights = loss.classWeights.count
        guard weights == 0 || weights == classes else {
            fail(
                layer: nil, loss.name,
                "has \(weights) classWeights, but the model gives \(classes) outputs; give one for each")
            return false
        }
        return true
    }

    // MARK: Building

    private func append(_ operation: Operation, results: [Graph.Value]) -> Int {
        graph.append(operation, results: results)[0]
    }

    /// Appends an operation on x (and more operands behind it), with one result or with others behind it.
    func result(
        _ operation: Operation, _ x: Tensor, with operands: [Tensor] = [], _ parameters: [Int], shape: [Int],
        others: [Graph.Value] = [], layer: AnyObject?
    ) -> Tensor {
        let results = graph.append(
            operation, inputs: [x.value] + operands.map(\.value), parameters: parameters,
            results: [Graph.Value(shape: shape)] + others,
            layer: names.name(ofLayer: layer) ?? "")
        return Tensor(tracer: self, value: results[0], shape: shape)
    }

    func use(
        _ weight: Parameter, _ shape: [Int], _ bias: Parameter?, outputs: Int, fanIn: Int, layer: AnyObject?,
        kind: String
    ) -> [Int]? {
        guard let number = number(of: weight, shape: shape, fanIn: fanIn, layer: layer, kind: kind) else { return nil }
        guard let bias else { return [number] }
        guard let second = self.number(of: bias, shape: [outputs], fanIn: fanIn, layer: layer, kind: kind)
        else { return nil }
        return [number, second]
    }

    /// The number of a parameter of this shape in the graph, where its declared extents allow it.
    func number(
        of parameter: Parameter, shape: [Int], fanIn: Int, layer: AnyObject?, kind: String
    ) -> Int? {
        let isAllowed = zip(parameter.extents, shape).allSatisfy { $0 == nil || $0 == $1 }
        guard isAllowed, parameter.extents.count == shape.count else {
            let declared = parameter.extents.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
            fail(layer: layer, kind, "has a parameter of shape [\(declared)], but what comes in needs \(shape)")
            return nil
        }
        guard elements(of: shape) != nil else {
            fail(layer: layer, kind, "a parameter of shape \(shape) has too many elements")
            return nil
        }
        guard let name = names.name(of: parameter) else {
            fail(
                layer: layer, kind,
                "its parameters have no name; keep the layer in a stored property of the model, do not make it in a call"
            )
            return nil
        }
        if let known = parameterNumbers[name] {
            guard graph.parameters[known].shape == shape else {
                fail(layer: layer, kind, "'\(name)' is used as \(graph.parameters[known].shape) and as \(shape)")
                return nil
            }
            return known
        }
        let number = graph.append(
            Graph.ParameterUse(
                name: name, shape: shape, initializer: names.initializers[name] ?? parameter.initializer,
                fanIn: fanIn, isBuffer: parameter.isBuffer))
        parameterNumbers[name] = number
        return number
    }

    /// Where a dropout draws from: the path of its layer. A second call of the same layer has a number behind it; those
    /// that are no part of the model, as the free function, share a path that no layer has.
    func dropoutSite(_ layer: AnyObject?) -> String {
        let path = names.name(ofLayer: layer) ?? ".dropout"
        let count = dropoutCounts[path, default: 0]
        dropoutCounts[path] = count + 1
        return count == 0 ? path : "\(path).\(count)"
    }

    package func fail(_ x: Tensor, _ layer: AnyObject?, _ kind: String, _ message: String) -> Tensor {
        fail(layer: layer, kind, message)
        return x
    }

    func fail(layer: AnyObject?, _ kind: String, _ message: String) {
        guard error == nil else { return }
        // The model itself has no name.
        let name = names.name(ofLayer: layer) ?? ""
        let place = name.isEmpty ? kind : "layer '\(name.escapedForDisplay())' (\(kind))"
        error = CommandError.usage("model: \(place): \(message)")
    }
}
