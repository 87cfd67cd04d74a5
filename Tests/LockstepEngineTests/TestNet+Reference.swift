import Foundation
import LockstepCore

@testable import LockstepEngine

// The same in double precision, as plainly as possible.
extension TestNet {
    /// The sum of the losses of one lane's samples.
    func loss(_ batch: TestBatch, lane: Range<Int>, _ parameters: [String: [Double]]) -> Double {
        var dropouts = 0
        let outputs = forward(
            layers, lane.map(batch.input), input, path: "", parameters, Array(lane), &dropouts)
        return zip(outputs.values, lane).reduce(0) { sum, sample in
            let target = batch.target(sample.1)
            guard outputs.shape.count > 1, batch.isOfClasses else { return sum + loss(sample.0, target) }
            let rows = rows(sample.0, outputs.shape)
            return sum + zip(rows, target).reduce(0) { $0 + loss($1.0, [$1.1]) } / Double(rows.count)
        }
    }

    private func loss(_ x: [Double], _ target: [Double]) -> Double {
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

    /// The layers over the samples of a lane, which stand at these positions of the batch.
    private func forward(
        _ layers: [Layer], _ values: [[Double]], _ shape: [Int], path: String, _ parameters: [String: [Double]],
        _ positions: [Int], _ dropouts: inout Int
    ) -> (values: [[Double]], shape: [Int]) {
        var (x, shape) = (values, shape)
        for index in layers.indices {
            var (layer, source) = (layers[index], index)
            if case .again(let earlier) = layer { (layer, source) = (layers[earlier], earlier) }
            if case .tied(let earlier) = layer { source = earlier }
            let name = "\(path)\(source)"
            func branch(_ inner: [Layer], _ path: String, _ dropouts: inout Int) -> (values: [[Double]], shape: [Int]) {
                forward(inner, x, shape, path: path, parameters, positions, &dropouts)
            }
            switch layer {
            case .dropout(let probability):
                let site = dropouts == 0 ? ".dropout" : ".dropout.\(dropouts)"
                x = zip(x, positions).map { drop($0, probability, $1, site: site) }
                dropouts += 1
            case .batchNorm: x = batchNorm(x, shape, name, parameters)
            case .attention(let heads, let causal, let dropout):
                let site = dropouts == 0 ? ".dropout" : ".dropout.\(dropouts)"
                x = zip(x, positions).map { sample, position in
                    attention(rows(sample, shape), heads, causal: causal) {
                        dropout > 0 ? drop($0, dropout, position, site: site) : $0
                    }
                }
                shape = [shape[0], shape[1] / 3]
                dropouts += 1
            case .residual(let inner):
                let inner = branch(inner, "\(name).", &dropouts).values
                for sample in x.indices { x[sample] = zip(x[sample], inner[sample]).map { $0 + $1 } }
            case .concatenate(let first, let second):
                let left = branch(first, "\(name).0.", &dropouts)
                let right = branch(second, "\(name).1.", &dropouts)
                for sample in x.indices {
                    let (first, second) = (
                        rows(left.values[sample], left.shape), rows(right.values[sample], right.shape)
                    )
                    x[sample] = zip(first, second).flatMap { row in row.0 + row.1 }
                }
                let width: Int = (left.shape.last ?? 0) + (right.shape.last ?? 0)
                shape = Array(left.shape.dropLast()) + [width]
            default:
                let results = x.map { apply(layer, $0, shape, name, parameters) }
                x = results.map(\.values)
                shape = results.first?.shape ?? shape
            }
        }
        return (x, shape)
    }

    /// A layer that sees one sample alone.
    private func apply(
        _ layer: Layer, _ x: [Double], _ shape: [Int], _ name: String, _ parameters: [String: [Double]]
    ) -> (values: [Double], shape: [Int]) {
        let weight = parameters["\(name).weight"] ?? []
        let bias = parameters["\(name).bias"]
        switch layer {
        case .linear, .tied:
            let inputs = shape.last ?? 1
            let outputs = weight.count / inputs
            var y: [Double] = []
            for row in rows(x, shape) {
                for output in 0..<outputs {
                    var sum = bias?[output] ?? 0
                    for (i, value) in row.enumerated() { sum += weight[output * inputs + i] * value }
                    y.append(sum)
                }
            }
            return (y, shape.dropLast() + [outputs])
        case .convolution(let outputs, let kernel, let stride, let padding, _):
            return convolve(x, shape, outputs, Window(kernel: kernel, stride: stride, padding: padding), weight, bias)
        case .pool(let kernel, let stride, let padding):
            return pool(x, shape, Window(kernel: kernel, stride: stride, padding: padding), isMean: false)
        case .averagePool(let kernel, let stride, let padding):
            return pool(x, shape, Window(kernel: kernel, stride: stride, padding: padding), isMean: true)
        case .adaptivePool(let height, let width): return adaptivePool(x, shape, height, width)
        case .relu: return (x.map { max($0, 0) }, shape)
        case .activation(let activation): return (x.map { value(activation, $0) }, shape)
        case .softmax: return (logSoftmax(x).map { exp($0) }, shape)
        case .flatten where shape.count == 3:
            let (positions, channels) = (shape[0] * shape[1], shape[2])
            return (x.indices.map { x[$0 % positions * channels + $0 / positions] }, [x.count])
        case .flatten: return (x, [x.count])
        case .embedding(_, let width, _):
            return (x.flatMap { weight[Int($0) * width..<(Int($0) + 1) * width] }, shape + [width])
        case .positions: return (zip(x, weight).map { $0 + $1 }, shape)
        case .layerNorm:
            let y = rows(x, shape).map(normalized)
            guard let bias else { return (y.flatMap { $0 }, shape) }
            return (y.flatMap { row in row.indices.map { row[$0] * weight[$0] + bias[$0] } }, shape)
        case .position(let index):
            let rows = rows(x, shape)
            return (rows[index < 0 ? index + rows.count : index], [shape[1]])
        case .slice(let range): return (rows(x, shape).flatMap { $0[range] }, shape.dropLast() + [range.count])
        case .mean:
            let rows = rows(x, shape)
            return (rows[0].indices.map { i in rows.reduce(0) { $0 + $1[i] } / Double(rows.count) }, [shape[1]])
        case .reshape(let other): return (x, other)
        case .polynomial: return (x.map { 2 * $0 * $0 - $0 + 0.5 }, shape)
        case .recurrence(let cell, let units, let reverse):
            return (recurrence(rows(x, shape), cell, reverse: reverse, name, parameters), [shape[0], units])
        case .dropout, .batchNorm, .residual, .concatenate, .again, .attention: return (x, shape)
        }
    }

    /// The rows along the last dimension.
    private func rows(_ x: [Double], _ shape: [Int]) -> [[Double]] {
        let width = shape.last ?? 1
        return stride(from: 0, to: x.count, by: width).map { Array(x[$0..<$0 + width]) }
    }

    private func normalized(_ x: [Double]) -> [Double] {
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        return x.map { ($0 - mean) / (variance + 1e-3).squareRoot() }
    }

    /// By the statistics of the lane.
    private func batchNorm(
        _ x: [[Double]], _ shape: [Int], _ name: String, _ parameters: [String: [Double]]
    ) -> [[Double]] {
        let (channels, weight, bias) = (shape.last ?? 1, parameters["\(name).weight"], parameters["\(name).bias"])
        var y = x
        for channel in 0..<channels {
            let places = x.indices.flatMap { sample in
                stride(from: channel, to: x[sample].count, by: channels).map { (sample, $0) }
            }
            let values = normalized(places.map { x[$0.0][$0.1] })
            for (value, place) in zip(values, places) {
                y[place.0][place.1] = value * (weight?[channel] ?? 1) + (bias?[channel] ?? 0)
            }
        }
        return y
    }

    private func adaptivePool(_ x: [Double], _ shape: [Int], _ height: Int, _ width: Int) -> (
        values: [Double], shape: [Int]
    ) {
        func bin(_ index: Int, _ count: Int, _ extent: Int) -> Range<Int> {
            index * extent / count..<((index + 1) * extent + count - 1) / count
        }
        var y: [Double] = []
        for row in 0..<height {
            for column in 0..<width {
                let (rows, columns) = (bin(row, height, shape[0]), bin(column, width, shape[1]))
                for channel in 0..<shape[2] {
                    let cells = rows.flatMap { row in
                        columns.map { x[(row * shape[1] + $0) * shape[2] + channel] }
                    }
                    y.append(cells.reduce(0, +) / Double(cells.count))
                }
            }
        }
        return (y, [height, width, shape[2]])
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
    ) -> (values: [Double], shape: [Int]) {
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

    private func pool(_ x: [Double], _ shape: [Int], _ window: Window, isMean: Bool) -> (values: [Double], shape: [Int])
    {
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
