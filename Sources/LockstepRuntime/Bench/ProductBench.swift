internal import CLockstepKernels
internal import LockstepCore
internal import LockstepEngine
internal import LockstepFormats

/// `lockstep bench gemm`: how near to the core's limit matrix products come on one thread.
package struct ProductBench {
    /// c[m × n] = a · b over k terms; each operand as it is (N) or transposed (T).
    struct Shape {
        let m: Int, n: Int, k: Int
        let form: String

        init(_ m: Int, _ n: Int, _ k: Int, _ form: String) { (self.m, self.n, self.k, self.form) = (m, n, k, form) }

        var isLeftTransposed: Bool { form.hasPrefix("T") }
        var isRightTransposed: Bool { form.hasSuffix("T") }
    }

    /// What training meets: layers and their gradients, tall, wide and small, also where rows are a multiple of 4 KiB apart.
    private static let shapes = [
        Shape(1024, 1024, 1024, "NN"), Shape(1024, 1024, 1024, "NT"), Shape(1024, 1024, 1024, "TN"),
        Shape(128, 512, 512, "NN"), Shape(128, 512, 512, "NT"), Shape(64, 128, 784, "NN"), Shape(64, 128, 784, "NT"),
        Shape(1024, 1536, 384, "NN"), Shape(1024, 1536, 384, "NT"), Shape(1024, 1536, 384, "TN"),
        Shape(1024, 1536, 384, "TT"), Shape(1024, 384, 1536, "NT"), Shape(1024, 1152, 384, "NT"),
        Shape(1024, 256, 384, "NT"), Shape(64, 512, 784, "NT"), Shape(64, 512, 512, "NN"), Shape(512, 784, 64, "TN"),
        Shape(32, 512, 128, "NT"), Shape(3200, 512, 32, "NT"), Shape(512, 128, 3200, "TN"),
        Shape(384, 1536, 1024, "TN"), Shape(1536, 384, 1024, "TN"), Shape(16, 512, 512, "NT"),
        Shape(64, 10, 512, "NT"), Shape(8192, 64, 64, "NN"), Shape(4096, 64, 1024, "NN"), Shape(256, 4096, 256, "NN"),
        Shape(512, 512, 512, "NN"), Shape(512, 512, 512, "TN"), Shape(2048, 2048, 2048, "NN"),
    ]

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
                "One thread, \(kernels.name), GFLOP/s (share of the limit measured beside). N as it is, T transposed; "
                    + "packed: where b was packed before, as the weights of a step are.")
            StandardStreams.write("    m      n      k        product          packed    limit")
        }
        for shape in ProductBench.shapes { measure(shape, kernels) }
    }

    private func measure(_ shape: Shape, _ kernels: Kernels) {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        let a = BenchFloats(m * k), b = BenchFloats(k * n), c = BenchFloats(m * n)
        let packed = BenchFloats(ls_packed_count(k, n)), scratch = BenchFloats(ls_matrix_product_scratch_count(m, n, k))
        let table = kernels.table
        let (bRow, bColumn) = shape.isRightTransposed ? (1, k) : (n, 1)
        table.pointee.pack(k, n, b.pointer, bRow, bColumn, packed.pointer)
        let (aRow, aColumn) = shape.isLeftTransposed ? (1, m) : (k, 1)
        let runs = BenchRuns(
            kernels, operations: 2 * Double(m) * Double(n) * Double(k), works: shape.isLeftTransposed ? 1 : 2
        ) { work in
            if work == 0 {
                table.pointee.matrix_product(
                    m, n, k, a.pointer, aRow, aColumn, b.pointer, bRow, bColumn, nil, c.pointer, n, scratch.pointer)
            } else {
                table.pointee.product(m, n, k, a.pointer, k, packed.pointer, nil, c.pointer, n)
            }
        }
        show(shape, runs, kernels)
    }

    private func show(_ shape: Shape, _ runs: BenchRuns, _ kernels: Kernels) {
        guard json else {
            let values = runs.rates.map { rate in
                let share = NumberText.fixed(100 * rate / runs.limit, 0)
                return BenchRuns.padded("\(NumberText.fixed(rate, 1)) (\(share) %)", 15)
            }
            let extents = [shape.m, shape.n, shape.k].map { BenchRuns.padded("\($0)", 5) }.joined(separator: "  ")
            let second = values.count > 1 ? values[1] : BenchRuns.padded("", 15)
            StandardStreams.write(
                "\(extents) \(shape.form) \(values[0]) \(second)   \(NumberText.fixed(runs.limit, 1))")
            return
        }
        var members: [(String, JSONValue)] = [
            ("event", "gemm"), ("m", .number(shape.m)), ("n", .number(shape.n)), ("k", .number(shape.k)),
            ("form", .string(shape.form)), ("isa", .string(kernels.name)), ("gigaflops", .number(runs.rates[0])),
            ("limitGigaflops", .number(runs.limit)), ("share", .number(runs.rates[0] / runs.limit)),
        ]
        if runs.rates.count > 1 { members.append(("packedGigaflops", .number(runs.rates[1]))) }
        StandardStreams.write(JSONValue.object(JSONObject(members)).text)
    }
}
