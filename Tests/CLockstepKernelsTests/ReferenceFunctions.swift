import CLockstepKernels

/// The functions of one variable for references, one number at a time, from the portable variant (which
/// `FunctionTests` compares with the others and with binary64).
struct ReferenceFunctions {
    private let kernels: ls_kernels

    init() throws { kernels = try Variants.table("generic") }

    private func value(
        _ x: Float, _ function: (Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
    ) -> Float {
        var x = x
        var y: Float = 0
        function(1, &x, &y)
        return y
    }

    func exp(_ x: Float) -> Float { value(x, kernels.exp) }
    func log(_ x: Float) -> Float { value(x, kernels.log) }
    func log1p(_ x: Float) -> Float { value(x, kernels.log1p) }
    func tanh(_ x: Float) -> Float { value(x, kernels.tanh) }
    func erf(_ x: Float) -> Float { value(x, kernels.erf) }

    /// 1 / (1 + exp(−x)) and 1 / (1 + exp(x)).
    func sigmoids(_ x: Float) -> (Float, Float) {
        let e = exp(-abs(x))
        let sum = 1 + e
        return x < 0 ? (e / sum, 1 / sum) : (1 / sum, e / sum)
    }

    /// 16 strided partial sums, each from +0 in order, added in the tree 8, 4, 2, 1.
    static func stridedSum(_ count: Int, isPlain: Bool = false, add: (Float, Int) -> Float) -> Float {
        var sums = [Float](repeating: 0, count: 16)
        for index in 0..<count { sums[isPlain ? 0 : index % 16] = add(sums[isPlain ? 0 : index % 16], index) }
        for half in [8, 4, 2, 1] { for index in 0..<half { sums[index] += sums[index + half] } }
        return sums[0]
    }

    static func maximum(_ x: some Collection<Float>) -> Float {
        x.dropFirst().reduce(x.first ?? 0) { $1 > $0 ? $1 : $0 }
    }
}
