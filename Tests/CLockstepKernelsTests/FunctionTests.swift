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

    /// Hashes of the functions' bits over 8192 arguments of all sizes, NaN taken as 0. Another polynomial within the
    /// bound is still another arithmetic: changing a value here means a new version of `docs/arithmetic.md`.
    private static let golden: [String: [UInt64]] = [
        "exp": [0x233A_4423_27CA_8DC7, 0x0C88_854B_C761_2D32],
        "log": [0x7E53_14B6_97A4_2FA8, 0xB9C7_937A_F324_CEC3],
        "log1p": [0x7CA7_E7F6_A664_83B6, 0xDB48_8793_A50A_EBAE],
        "tanh": [0xB284_8D78_A1C9_F802, 0xD571_CE32_3DF8_E163],
        "erf": [0xD97A_D87A_4886_E0A7, 0xEB88_ADB0_40A0_8B74],
        "sin": [0xEDB7_F32B_77F3_3A9C, 0xFC64_BAFE_7A94_6950],
        "cos": [0x338A_D34A_66B3_E07D, 0xD25F_354B_0E2D_41D6],
    ]

    @Test("the bits of arithmetic version 1", arguments: all)
    func goldenBits(function: Function) throws {
        let x = (0..<8192 as Range<UInt32>).map { index in
            index % 2 == 0
                ? Float(bitPattern: index &* 0x9E37_79B1) : Float(Int32(bitPattern: index &* 0x85EB_CA6B)) * 0x1p-25
        }
        for name in Variants.names {
            let kernels = try Variants.table(name)
            let y = function.of(kernels, x).map { $0.isNaN ? 0 : $0 }
            var hash: [UInt64] = [0, 0]
            kernels.hash_blocks(y.count, y, 0, &hash)
            #expect(hash == FunctionTests.golden[function.name], "\(name) \(function.name)")
        }
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
