internal import LockstepData

/// The transforms of training images that a job file can list.
enum TransformTable {
    private static let names = ["crop", "flip", "rotate", "scale", "brightness", "normalize"]

    /// A list of transforms, or one by itself.
    static func transforms(_ node: JobNode, path: String) throws(JobFileError) -> Transforms {
        guard case .sequence(let items) = node.content else { return Transforms([try transform(node, path: path)]) }
        var steps: [Transforms.Transform] = []
        for (index, item) in items.enumerated() { steps.append(try transform(item, path: "\(path).\(index)")) }
        return Transforms(steps)
    }

    private static func transform(_ node: JobNode, path: String) throws(JobFileError) -> Transforms.Transform {
        let choice = try JobChoice("transform", node, path: path, known: names)
        switch choice.word {
        case "crop":
            return .crop(
                padding: try choice.arguments(["padding"]).requiredInteger("padding", atLeast: 1, atMost: 4096))
        case "rotate":
            let arguments = try choice.arguments(["degrees"])
            _ = try arguments.required("degrees")
            return .rotate(
                degrees: try arguments.number("degrees", "0 < degrees ≤ 180") { $0 > 0 && $0 <= 180 } ?? 0)
        case "scale":
            let arguments = try choice.arguments(["range"])
            _ = try arguments.required("range")
            return .scale(try arguments.range("range") ?? 1...1)
        case "brightness":
            let arguments = try choice.arguments(["range"])
            _ = try arguments.required("range")
            return .brightness(try arguments.range("range") ?? 1...1)
        case "normalize":
            let arguments = try choice.arguments(["mean", "deviation"])
            _ = try arguments.required("mean")
            _ = try arguments.required("deviation")
            return .normalize(
                mean: try arguments.numbers("mean") ?? [], deviation: try arguments.numbers("deviation") ?? [])
        default:
            _ = try choice.arguments([])
            return .flip
        }
    }
}
