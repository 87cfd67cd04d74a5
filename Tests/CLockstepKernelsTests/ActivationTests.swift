import CLockstepKernels
import Foundation
import Testing

@Suite("Activations") struct ActivationTests {
    struct Activation: Sendable, CustomTestStringConvertible {
        let name: String
        let kind: ls_activation
        var parameter: Float = 0
        /// The same function in binary64.
        let exact: @Sendable (Double) -> Double
        var testDescription: String { name }
        var savesOutput: Bool { kind == LS_SIGMOID || kind == LS_TANH }
    }

    static let all = [
        Activation(name: "sigmoid", kind: LS_SIGMOID) { 1 / (1 + exp(-$0)) },
        Activation(name: "tanh", kind: LS_TANH) { tanh($0) },
        Activation(name: "gelu", kind: LS_GELU) { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) },
        Activation(name: "gelu by tanh", kind: LS_GELU_TANH) {
            0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
        },
        Activation(name: "silu", kind: LS_SILU) { $0 / (1 + exp(-$0)) },
        Activation(name: "softplus", kind: LS_SOFTPLUS) { $0 > 20 ? $0 : log1p(exp($0)) },
        Activation(name: "leaky relu", kind: LS_LEAKY_RELU, parameter: 0.01) { $0 > 0 ? $0 : Double(Float(0.01)) * $0 },
        Activation(name: "elu", kind: LS_ELU, parameter: 1.5) { $0 > 0 ? $0 : 1.5 * expm1($0) },
    ]

    private static func arguments(_ random: inout TestGenerator) -> [Float] {
        (0..<1500).map { index in
            index % 3 == 0 ? Float.random(in: -1...1, using: &random) : Float.random(in: -12...24, using: &random)
        }
    }

    /// The rules of `docs/arithmetic.md`. The exponential less 1 of ELU has its own test.
    private static func reference(_ a: Activation, _ f: ReferenceFunctions, _ x: Float) -> Float {
        switch a.kind {
        case LS_SIGMOID: return f.sigmoids(x).0
        case LS_TANH: return f.tanh(x)
        case LS_GELU:
            let scaled: Float = 0x1.6a09e6p-1 * x
            return (0.5 * x) * (1 + f.erf(scaled))
        case LS_GELU_TANH: return (0.5 * x) * (1 + geluTangent(f, x))
        case LS_SILU: return x * f.sigmoids(x).0
        case LS_SOFTPLUS: return x > 20 ? x : f.log1p(f.exp(x))
        default: return x > 0 ? x : a.parameter * x
        }
    }

    private static func geluTangent(_ f: ReferenceFunctions, _ x: Float) -> Float {
        let square = x * x
        let cubic: Float = 0.044715 * square
        return f.tanh(0x1.988454p-1 * x.addingProduct(cubic, x))
    }

    private static func gradientReference(_ a: Activation, _ f: ReferenceFunctions, _ saved: Float, _ dy: Float)
        -> Float
    {
        switch a.kind {
        case LS_SIGMOID: return dy * (saved * (1 - saved))
        case LS_TANH: return dy * Float(1).addingProduct(-saved, saved)
        case LS_GELU:
            let scaled: Float = 0x1.6a09e6p-1 * saved
            let cumulative = 0.5 * (1 + f.erf(scaled))
            let density = f.exp((-0.5 * saved) * saved)
            return dy * cumulative.addingProduct(0x1.988454p-2 * saved, density)
        case LS_GELU_TANH:
            let t = geluTangent(f, saved)
            let inner = 0x1.988454p-1 * Float(1).addingProduct(0.134145 * saved, saved)
            let slope = Float(1).addingProduct(-t, t) * inner
            return dy * (0.5 * (1 + t)).addingProduct(0.5 * saved, slope)
        case LS_SILU:
            let (value, other) = f.sigmoids(saved)
            return dy * (value * Float(1).addingProduct(saved, other))
        case LS_SOFTPLUS: return saved > 20 ? dy : dy * f.sigmoids(saved).0
        case LS_LEAKY_RELU: return saved > 0 ? dy : a.parameter * dy
        default: return saved > 0 ? dy : dy * (a.parameter * f.exp(saved))
        }
    }

    @Test("every variant gives the specified bits, also in place", arguments: all)
    func bits(activation: Activation) throws {
        var random = TestGenerator("activation \(activation.name)")
        let f = try ReferenceFunctions(), generic = try Variants.table("generic")
        for count in [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 500] {
            var x =
                count == 500 ? Array(ActivationTests.arguments(&random).prefix(500)) : random.floats(count, special: 3)
            if count == 500 { x[..<40] = random.floats(40, special: 2)[...] }
            let dy = random.floats(count, special: count == 500 ? 0 : 4)
            var y = x.map { ActivationTests.reference(activation, f, $0) }
            if activation.kind == LS_ELU {
                let buffer = Buffer(count)
                generic.activation(LS_ELU, activation.parameter, count, x, buffer.pointer)
                y = buffer.values
            }
            let saved = activation.savesOutput ? y : x
            let dx = zip(saved, dy).map { ActivationTests.gradientReference(activation, f, $0, $1) }
            for name in Variants.names {
                let kernels = try Variants.table(name)
                let apart = Buffer(count), inPlace = Buffer(x), gradient = Buffer(count)
                let overGradient = Buffer(dy), overSaved = Buffer(saved)
                kernels.activation(activation.kind, activation.parameter, count, x, apart.pointer)
                kernels.activation(activation.kind, activation.parameter, count, inPlace.pointer, inPlace.pointer)
                kernels.activation_gradient(
                    activation.kind, activation.parameter, count, saved, dy, gradient.pointer)
                kernels.activation_gradient(
                    activation.kind, activation.parameter, count, saved, overGradient.pointer, overGradient.pointer)
                kernels.activation_gradient(
                    activation.kind, activation.parameter, count, overSaved.pointer, dy, overSaved.pointer)
                let comment = "\(name) count \(count) seed \(random.seed)"
                #expect(firstDifference(y, apart.values) == nil, "\(comment)")
                #expect(firstDifference(y, inPlace.values) == nil, "in place \(comment)")
                #expect(firstDifference(dx, gradient.values) == nil, "gradient \(comment)")
                #expect(firstDifference(dx, overGradient.values) == nil, "gradient in place \(comment)")
                #expect(firstDifference(dx, overSaved.values) == nil, "gradient over what was saved \(comment)")
                #expect(guardsAreIntact(apart, inPlace, gradient, overGradient, overSaved), "\(comment)")
            }
        }
    }

    @Test("near the function and its derivative in binary64", arguments: all)
    func accuracy(activation: Activation) throws {
        var random = TestGenerator("accuracy of \(activation.name)")
        let kernels = try Variants.table(Variants.names[0])
        let x = ActivationTests.arguments(&random), ones = [Float](repeating: 1, count: x.count)
        let y = Buffer(x.count), dx = Buffer(x.count)
        kernels.activation(activation.kind, activation.parameter, x.count, x, y.pointer)
        kernels.activation_gradient(
            activation.kind, activation.parameter, x.count, activation.savesOutput ? y.values : x, ones, dx.pointer)
        var isCanaryFound = false
        for index in x.indices {
            let at = Double(x[index]), step = 1e-5
            let exact = activation.exact(at)
            // GELU's 1 + erf cancels for negative arguments, as PyTorch's does: its bound counts units of x there.
            let isCancelling = activation.kind == LS_GELU || activation.kind == LS_GELU_TANH
            let scale = isCancelling ? max(abs(Float(exact)), abs(x[index])) : abs(Float(exact))
            let bound = 4 * Double(max(scale, .leastNormalMagnitude).ulp)
            #expect(abs(Double(y.values[index]) - exact) <= bound, "f(\(at)) seed \(random.seed)")
            guard abs(at) > 2 * step, abs(at - 20) > 2 * step else { continue }
            let slope = (activation.exact(at + step) - activation.exact(at - step)) / (2 * step)
            #expect(abs(Double(dx.values[index]) - slope) < 2e-6, "f′(\(at)) seed \(random.seed)")
            if abs(Double(dx.values[index]) * 1.0001 - slope) > 2e-6 { isCanaryFound = true }
        }
        #expect(isCanaryFound)
    }

    @Test("the bits of ELU in arithmetic version 1", arguments: Variants.names)
    func goldenBits(name: String) throws {
        let kernels = try Variants.table(name)
        let x = (0..<8192).map { Float($0) * -0x1p-8 }, y = Buffer(x.count)
        kernels.activation(LS_ELU, 1, x.count, x, y.pointer)
        var hash: [UInt64] = [0, 0]
        kernels.hash_blocks(x.count, y.pointer, 0, &hash)
        #expect(hash == [0x96BC_6AAF_BB2E_8B49, 0x844A_71DD_DF00_406A])
    }

    @Test("ELU keeps the precision of small arguments, and special values", arguments: Variants.names)
    func specialValues(name: String) throws {
        let kernels = try Variants.table(name)
        func value(_ kind: ls_activation, _ x: Float, _ parameter: Float = 1) -> Float {
            let y = Buffer([x])
            kernels.activation(kind, parameter, 1, y.pointer, y.pointer)
            return y.values[0]
        }
        for x in [-1e-3, -1e-7, -1e-30, -0x1p-140, -0.3465, -0.3467, -1, -17, -40] as [Float] {
            let exact = expm1(Double(x))
            #expect(abs(Double(value(LS_ELU, x)) - exact) <= 2 * Double(Float(exact).ulp), "\(x)")
        }
        let infinity = Float.infinity
        #expect(value(LS_ELU, -infinity, 2) == -2 && value(LS_ELU, infinity) == infinity)
        #expect(value(LS_SIGMOID, -infinity) == 0 && value(LS_SIGMOID, infinity) == 1 && value(LS_SIGMOID, 0) == 0.5)
        #expect(value(LS_SIGMOID, -100) > 0, "a subnormal, not 0")
        #expect(value(LS_SOFTPLUS, -infinity) == 0 && value(LS_SOFTPLUS, infinity) == infinity)
        #expect(value(LS_GELU, infinity) == infinity && value(LS_GELU_TANH, infinity) == infinity)
        #expect(value(LS_LEAKY_RELU, -infinity, 0.1) == -infinity)
        for activation in ActivationTests.all { #expect(value(activation.kind, .nan, activation.parameter).isNaN) }
    }
}
