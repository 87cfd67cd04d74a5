internal import CLockstepKernels
internal import LockstepCore
internal import LockstepEngine
internal import LockstepFormats

/// `lockstep bench conv`: how near to the core's limit convolutions come on one thread, forward and both gradients.
package struct ConvolutionBench {
    private static func square(
        _ extent: Int, _ channels: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Int = 1
    ) -> ls_convolution {
        ls_convolution(
            height: extent, width: extent, channels: channels, kernel_height: kernel, kernel_width: kernel,
            outputs: outputs, stride: stride, padding: padding)
    }

    private static let shapes = [
        square(28, 32, 32), square(28, 64, 64), square(14, 32, 64), square(14, 128, 128), square(8, 256, 256),
        square(4, 512, 512), square(28, 1, 32), square(32, 3, 64), square(32, 64, 128, stride: 2),
        square(16, 128, 256, stride: 2), square(8, 256, 512, stride: 2), square(28, 64, 64, kernel: 1, padding: 0),
        square(14, 256, 64, kernel: 1, padding: 0), square(32, 64, 128, kernel: 1, stride: 2, padding: 0),
        square(14, 64, 64, kernel: 5, padding: 2), square(32, 3, 32, kernel: 5, padding: 2),
    ]
    private static let images = 16
    private static let passes = ["forward", "data gradient", "weight gradient"]

    private let isa: String?
    private let json: Bool

    /// - Parameter isa: the variant's name, or nil for the usual choice.
    package init(isa: String?, json: Bool) {
        self.isa = isa
        self.json = json
    }

    /// - Throws: `CommandError`.
    package func run() throws {
        let kernels = try Kernels.forBench(isa)
        ls_prepare_thread()
        if !json {
            StandardStreams.write(
                "One thread, \(kernels.name), \(ConvolutionBench.images) images; GFLOP/s as a direct convolution counts "
                    + "them (share of the limit measured beside). winograd: forward and data gradient by 16 products "
                    + "for 36.")
            StandardStreams.write(
                "image   channels   kernel  stride  method          forward   data gradient  weight gradient    limit")
        }
        for shape in ConvolutionBench.shapes { measure(shape, kernels) }
    }

    private func measure(_ shape: ls_convolution, _ kernels: Kernels) {
        var s = shape
        let images = ConvolutionBench.images, taps = s.kernel_height * s.kernel_width
        let outputExtent = (s.height + 2 * s.padding - s.kernel_height) / s.stride + 1
        let results = images * outputExtent * outputExtent * s.outputs
        let x = BenchFloats(images * s.height * s.width * s.channels)
        let dx = BenchFloats(images * s.height * s.width * s.channels)
        let y = BenchFloats(results), dy = BenchFloats(results)
        let weights = BenchFloats(taps * s.channels * s.outputs), gradient = BenchFloats(taps * s.channels * s.outputs)
        let packed = BenchFloats(ls_convolution_packed_count(&s))
        let flipped = BenchFloats(ls_convolution_flipped_packed_count(&s))
        let scratch = BenchFloats(ls_convolution_scratch_count(&s))
        let table = kernels.table
        table.pointee.convolution_pack(&s, weights.pointer, packed.pointer)
        table.pointee.convolution_pack_flipped(&s, weights.pointer, flipped.pointer)
        let operations = 2 * Double(results) * Double(taps * s.channels)
        let runs = BenchRuns(kernels, operations: operations, works: ConvolutionBench.passes.count) { work in
            switch work {
            case 0:
                table.pointee.convolution_forward(
                    &s, images, x.pointer, packed.pointer, nil, y.pointer, scratch.pointer)
            case 1:
                table.pointee.convolution_data_gradient(
                    &s, images, dy.pointer, flipped.pointer, nil, dx.pointer, scratch.pointer)
            default:
                table.pointee.convolution_weight_gradient(
                    &s, x.pointer, dy.pointer, [0, UInt32(images)], 1, gradient.pointer, scratch.pointer)
            }
        }
        show(s, runs, kernels)
    }

    private func show(_ shape: ls_convolution, _ runs: BenchRuns, _ kernels: Kernels) {
        var s = shape
        let usesSquares = ls_convolution_uses_squares(&s)
        guard json else {
            let values = runs.rates.map { rate in
                BenchRuns.padded("\(NumberText.fixed(rate, 1)) (\(NumberText.fixed(100 * rate / runs.limit, 0)) %)", 15)
            }
            let image = BenchRuns.padded("\(s.height)×\(s.width)", 5),
                channels = BenchRuns.padded("\(s.channels) → \(s.outputs)", 10)
            StandardStreams.write(
                "\(image) \(channels)     \(s.kernel_height)×\(s.kernel_width)       \(s.stride)  "
                    + "\(usesSquares ? "winograd" : "direct  ") \(values.joined(separator: " "))   "
                    + NumberText.fixed(runs.limit, 1))
            return
        }
        for (index, pass) in ConvolutionBench.passes.enumerated() {
            let isDirect = !usesSquares || index == 2
            let line: JSONValue = [
                "event": "conv", "pass": .string(pass), "images": .number(ConvolutionBench.images),
                "height": .number(s.height), "width": .number(s.width), "channels": .number(s.channels),
                "outputs": .number(s.outputs), "kernel": .number(s.kernel_height), "stride": .number(s.stride),
                "padding": .number(s.padding), "method": .string(isDirect ? "direct" : "winograd"),
                "isa": .string(kernels.name), "gigaflops": .number(runs.rates[index]),
                "limitGigaflops": .number(runs.limit), "share": .number(runs.rates[index] / runs.limit),
            ]
            StandardStreams.write(line.text)
        }
    }
}
