import CLockstepKernels
import Foundation
import Testing

@Suite("Functions of one variable") struct FunctionTests {
    struct Function: Sendable, CustomTestStringConvertible {
        let name: String
        let kernel: @Sendable (ls_kernels, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
        let exact: @Sendable (Double) -> Double

        var testDescription: String { name }

        func of(_ kernels: ls_kernels, _ x: [Float]) -> [Float] {
            let y = Buffer(x.count)
            kernel(kernels, x.count, x, y.pointer)
            #expect(y.guardsAreIntact)
            return y.values
        }
    }

    static let all = [
        Function(name: "exp", kernel: { $0.exp($1, $2, $3) }, exact: { Foundation.exp($0) }),
        Function(name: "log", kernel: { $0.log($1, $2, $3) }, exact: { Foundation.log($0) }),
        Function(name: "log1p", kernel: { $0.log1p($1, $2, $3) }, exact: { Foundation.log1p($0) }),
        Function(name: "tanh", kernel: { $0.tanh($1, $2, $3) }, exact: { Foundation.tanh($0) }),
        Function(name: "erf", kernel: { $0.erf($1, $2, $3) }, exact: { Foundation.erf($0) }),
        Function(name: "sin", kernel: { $0.sin($1, $2, $3) }, exact: { Foundation.sin($0) }),
        Function(name: "cos", kernel: { $0.cos($1, $2, $3) }, exact: { Foundation.cos($0) }),
    ]

    /// Distance in units of the last place of a Float of the size of `exact`.
    private static func ulps(_ found: Float, _ exact: Double) -> Double {
        let unit = Double(max(Float(exact).ulp, .leastNonzeroMagnitude))
        return abs(Double(found) - exact) / unit
    }

    private static func arguments(_ random: inout TestGenerator) -> [Float] {
        var x: [Float] = []
        for _ in 0..<6000 { x.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))) }
        for _ in 0..<6000 { x.append(Float.random(in: -110...110, using: &random)) }
        for _ in 0..<6000 { x.append(Float.random(in: -1.5...1.5, using: &random)) }
        for _ in 0..<2000 { x.append(Float.random(in: -40000...40000, using: &random)) }
        for multiple in 1..<2000 { x.append(Float(Double(multiple) * Double.pi / 2)) }
        return x
    }

    @Test("within 2 units of the last place", arguments: all)
    func accuracy(function: Function) throws {
        var random = TestGenerator("accuracy of \(function.name)")
        let x = FunctionTests.arguments(&random)
        let kernels = try Variants.table(Variants.names[0])
        let y = function.of(kernels, x)
        var worst = 0.0, worstArgument: Float = 0
        for index in x.indices {
            let exact = function.exact(Double(x[index]))
            if Float(exact).isNaN {
                #expect(y[index].isNaN, "\(x[index])")
            } else if !Float(exact).isFinite {
                #expect(y[index] == Float(exact), "\(x[index])")
            } else {
                let error = FunctionTests.ulps(y[index], exact)
                if !(error <= worst) { (worst, worstArgument) = (error, x[index]) }
            }
        }
        #expect(worst <= 2, "\(function.name)(\(worstArgument)) seed \(random.seed)")
    }

    @Test("every variant gives the same bits", arguments: all)
    func agreement(function: Function) throws {
        var random = TestGenerator("agreement on \(function.name)")
        let x = FunctionTests.arguments(&random) + random.floats(33, special: 2)
        let expected = function.of(try Variants.table("generic"), x)
        for name in Variants.names {
            let found = function.of(try Variants.table(name), x)
            #expect(firstDifference(expected, found) == nil, "\(name) seed \(random.seed)")
        }
        // One rounding more shows: 2 ulp are not bits.
        let bent = x.map { Float(function.exact(Double($0))) }
        #expect(firstDifference(expected, bent) != nil)
    }

    @Test("special values", arguments: Variants.names)
    func specialValues(name: String) throws {
        let kernels = try Variants.table(name)
        let tiny = Float.leastNonzeroMagnitude, infinity = Float.infinity, nan = Float.nan
        let cases: [(String, [Float], [Float])] = [
            (
                "exp", [0, -0.0, infinity, -infinity, nan, 89, -104, tiny, 88.72],
                [1, 1, infinity, 0, nan, infinity, 0, 1]
            ),
            (
                "log", [0, -0.0, 1, infinity, -1, -infinity, nan, -tiny],
                [-infinity, -infinity, 0, infinity, nan, nan, nan, nan]
            ),
            (
                "log1p", [0, -0.0, -1, -1.5, infinity, -infinity, nan, tiny, -tiny],
                [0, -0.0, -infinity, nan, infinity, nan, nan, tiny, -tiny]
            ),
            ("tanh", [0, -0.0, infinity, -infinity, nan, tiny, 20, -20], [0, -0.0, 1, -1, nan, tiny, 1, -1]),
            ("erf", [0, -0.0, infinity, -infinity, nan, 5, -5], [0, -0.0, 1, -1, nan, 1, -1]),
            ("sin", [0, -0.0, infinity, -infinity, nan, tiny, -tiny], [0, -0.0, nan, nan, nan, tiny, -tiny]),
            ("cos", [0, -0.0, infinity, -infinity, nan, tiny], [1, 1, nan, nan, nan, 1]),
        ]
        for (functionName, x, expected) in cases {
            let function = try #require(FunctionTests.all.first { $0.name == functionName })
            let found = Array(function.of(kernels, x).prefix(expected.count))
            #expect(firstDifference(expected, found) == nil, "\(functionName)")
        }
    }

    @Test("sin and cos stay in −1 … 1 for huge arguments, and are right there too", arguments: Variants.names)
    func hugeArguments(name: String) throws {
        let kernels = try Variants.table(name)
        var random = TestGenerator("huge, \(name)")
        let x = (0..<2000).map { _ in
            Float(bitPattern: UInt32(random.integer(0x4700_0000...0x7F7F_FFFF)) | UInt32(random.integer(0...1)) << 31)
        }
        for function in FunctionTests.all where function.name == "sin" || function.name == "cos" {
            let y = function.of(kernels, x)
            for index in x.indices {
                #expect(abs(y[index]) <= 1)
                #expect(FunctionTests.ulps(y[index], function.exact(Double(x[index]))) <= 2, "\(x[index])")
            }
        }
    }
}
