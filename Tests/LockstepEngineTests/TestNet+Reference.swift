import Foundation
import LockstepCore

@testable import LockstepEngine

// The same in double precision, as plainly as possible.
extension TestNet {
    /// The loss of one sample.
    ///
    /// - Parameters:
    ///   - target: the number of a class, or values.
    ///   - position: in the batch.
    func loss(_ sample: [Double], target: [Double], position: Int, _ parameters: [String: [Double]]) -> Double {
        var dropouts = 0
        let x = forward(layers, sample, input, path: "", parameters, position, &dropouts).values
        func meanLoss(_ loss: (_ error: Double) -> Double) -> Double {
            zip(x, target).reduce(0) { $0 + loss($1.0 - $1.1) } / Double(x.count)
        }
        switch loss {
        case .softmaxCrossEntropy: return -logSoftmax(x)[Int(target[0])]
        case .smoothedSoftmaxCrossEntropy(let smoothing, let weights):
            let weighted = zip(logSoftmax(x), weights.isEmpty ? x.map { _ in 1 } : weights).map { -$0 * Double($1) }
            let spread = weighted.reduce(0, +) / Double(x.count)
            return (1 - Double(smoothing)) * weighted[Int(target[0])] + Double(smoothing) * spread
        case .squaredError: return meanLoss { $0 * $0 }
        case .absoluteError: return meanLoss { abs($0) }
        case .huber(let delta):
            let delta = Double(delta)
            return meanLoss { abs($0) <= delta ? $0 * $0 / 2 : delta * (abs($0) - delta / 2) }
        case .binaryCrossEntropy(let weight):
            return zip(x, target).reduce(0) { sum, pair in
                let (positive, negative) = (log(1 + exp(-pair.0)), log(1 + exp(pair.0)))
                return sum + (Double(weight) * pair.1 * positive + (1 - pair.1) * negative) / Double(x.count)
            }
        }
    }

    /// The seed and step of the dropouts of every test.
    static let context = StepContext(seed: 99, step: 7, firstPosition: 0)

    private func forward(
        _ layers: [Layer], _ values: [Double], _ shape: [Int], path: String, _ parameters: [String: [Double]],
        _ position: Int, _ dropouts: inout Int
    ) -> (values: [Double], shape: [Int]) {
        var (x, shape) = (values, shape)
        for index in layers.indices {
            var (layer, source) = (layers[index], index)
            if case .again(let earlier) = layer { (layer, source) = (layers[earlier], earlier) }
            let weight = parameters["\(path)\(source).weight"] ?? []
            let bias = parameters["\(path)\(source).bias"]
            switch layer {
            case .linear(let outputs, _):
                let inputs = x
                x = (0..<outputs).map { o in
                    var sum = bias?[o] ?? 0
                    for (i, value) in inputs.enumerated() { sum += weight[o * inputs.count + i] * value }
                    return sum
                }
                shape = [outputs]
            case .convolution(let outputs, let kernel, let stride, let padding, _):
                let window = Window(kernel: kernel, stride: stride, padding: padding)
                (x, shape) = convolve(x, shape, outputs, window, weight, bias)
            case .pool(let kernel, let stride, let padding):
                (x, shape) = pool(x, shape, Window(kernel: kernel, stride: stride, padding: padding), isMean: false)
            case .averagePool(let kernel, let stride, let padding):
                (x, shape) = pool(x, shape, Window(kernel: kernel, stride: stride, padding: padding), isMean: true)
            case .relu: x = x.map { max($0, 0) }
            case .activation(let activation): x = x.map { value(activation, $0) }
            case .softmax: x = logSoftmax(x).map { exp($0) }
            case .dropout(let probability):
                x = drop(x, probability, position, site: dropouts == 0 ? ".dropout" : ".dropout.\(dropouts)")
                dropouts += 1
            case .flatten:
                let (positions, channels) = (shape[0] * shape[1], shape[2])
                let image = x
                x = (0..<positions * channels).map { image[$0 % positions * channels + $0 / positions] }
                shape = [x.count]
            case .residual(let inner):
                let branch = forward(
                    inner, x, shape, path: "\(path)\(index).", parameters, position, &dropouts
                ).values
                x = zip(x, branch).map { $0 + $1 }
            case .again: break
            }
        }
        return (x, shape)
    }

    private func value(_ activation: Activation, _ x: Double) -> Double {
        let parameter = Double(activation.parameter)
        let sigmoid = 1 / (1 + exp(-x))
        switch activation.kind {
        case .sigmoid: return sigmoid
        case .tanh: return tanh(x)
        case .gelu: return x * (1 + erf(x / 2.0.squareRoot())) / 2
        case .tanhGELU: return x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
        case .silu: return x * sigmoid
        case .softplus: return log(1 + exp(x))
        case .leakyReLU: return x > 0 ? x : parameter * x
        case .elu: return x > 0 ? x : parameter * (exp(x) - 1)
        }
    }

    private func drop(_ x: [Double], _ probability: Double, _ position: Int, site: String) -> [Double] {
        let generator = Philox(seed: TestNet.context.seed, purpose: .dropout)
        return x.indices.map { element in
            let block = generator.block([
                UInt32(element / 4), FlatState.site(of: site), UInt32(position), TestNet.context.step,
            ])
            return Double(Philox.unit(block[element % 4])) < probability ? 0 : x[element] / (1 - probability)
        }
    }

    private func logSoftmax(_ x: [Double]) -> [Double] {
        let largest = x.max() ?? 0
        let sum = x.reduce(0) { $0 + exp($1 - largest) }
        return x.map { $0 - largest - log(sum) }
    }

    private func convolve(
        _ x: [Double], _ shape: [Int], _ outputs: Int, _ window: Window, _ weight: [Double], _ bias: [Double]?
    ) -> ([Double], [Int]) {
        let channels = shape[2]
        let result = window.result(shape, outputs)
        var y: [Double] = []
        for row in 0..<result[0] {
            for column in 0..<result[1] {
                for o in 0..<outputs {
                    var sum = bias?[o] ?? 0
                    for (tap, pixel) in window.pixels(row, column, shape) {
                        for c in 0..<channels {
                            sum += weight[(o * channels + c) * window.kernel * window.kernel + tap] * x[pixel + c]
                        }
                    }
                    y.append(sum)
                }
            }
        }
        return (y, result)
    }

    private func pool(_ x: [Double], _ shape: [Int], _ window: Window, isMean: Bool) -> ([Double], [Int]) {
        let result = window.result(shape, shape[2])
        var y: [Double] = []
        for row in 0..<result[0] {
            for column in 0..<result[1] {
                let pixels = window.pixels(row, column, shape)
                for c in 0..<shape[2] {
                    let values = pixels.map { x[$0.pixel + c] }
                    let area = Double(window.kernel * window.kernel)
                    y.append(isMean ? values.reduce(0, +) / area : values.max() ?? .nan)
                }
            }
        }
        return (y, result)
    }

    private struct Window {
        var kernel: Int
        var stride: Int
        var padding: Int

        func result(_ shape: [Int], _ channels: Int) -> [Int] {
            [(shape[0] + 2 * padding - kernel) / stride + 1, (shape[1] + 2 * padding - kernel) / stride + 1, channels]
        }

        /// The taps of a window that lie inside the image, and the first element of the pixel under each.
        func pixels(_ row: Int, _ column: Int, _ shape: [Int]) -> [(tap: Int, pixel: Int)] {
            (0..<kernel * kernel).compactMap { tap in
                let y = row * stride - padding + tap / kernel
                let x = column * stride - padding + tap % kernel
                guard (0..<shape[0]).contains(y), (0..<shape[1]).contains(x) else { return nil }
                return (tap, (y * shape[1] + x) * shape[2])
            }
        }
    }
}
