import CLockstepKernels
import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Initial values") struct InitialValueTests {
    @Test("are drawn as their names say")
    func distributions() throws {
        let normal = try values(.normal(deviation: 0.5, zeroRow: 3))
        #expect(normal[3 * 20..<4 * 20].allSatisfy { $0.bitPattern == 0 })
        let drawn = (normal[..<60] + normal[80...]).map(Double.init)
        let mean = drawn.reduce(0, +) / Double(drawn.count)
        let deviation = (drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(drawn.count)).squareRoot()
        #expect(abs(mean) < 0.03 && abs(deviation - 0.5) < 0.03)
        #expect(drawn.contains { $0 > 1 } && drawn.contains { $0 < -1 })
        // Two numbers a draw: none is used twice.
        #expect(Set(drawn).count == drawn.count)

        let uniform = try values(.uniform(bound: 0.25))
        #expect(uniform.allSatisfy { abs($0) <= 0.25 } && uniform.contains { abs($0) > 0.24 })
        let xavier = try values(.xavierUniform)
        let bound = Float((6.0 / 120).squareRoot())
        #expect(xavier.allSatisfy { abs($0) <= bound } && xavier.contains { abs($0) > 0.98 * bound })
        #expect(try values(.zeros).allSatisfy { $0 == 0 })
        #expect(try values(.ones).allSatisfy { $0 == 1 })
        // Another name, other numbers; a wrong scale would show as well.
        #expect(try values(.normal(deviation: 0.5), name: "other.weight") != values(.normal(deviation: 0.5)))
    }

    @Test("a normal number is what the documented formula gives")
    func formula() throws {
        let own = try values(.normal(deviation: 2))
        let bytes = DigestBuilder.digest(of: Array("table.weight".utf8)).bytes
        let site = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * $1) }
        let generator = Philox(seed: 5, purpose: .initialization)
        let kernels = Kernels.best().table
        for element in [0, 1, 17, 1999] {
            let u = 1 - generator.uniform(site: site, index: 0, element: UInt32(2 * element))
            let v = generator.uniform(site: site, index: 0, element: UInt32(2 * element + 1)) * 6.2831855
            var (logarithm, cosine) = (Float(0), Float(0))
            kernels.pointee.log(1, [u], &logarithm)
            kernels.pointee.cos(1, [v], &cosine)
            let radius = (-2 * logarithm).squareRoot()
            let normal = radius * cosine
            #expect(own[element] == normal * 2)
        }
    }

    @Test("a job may set them by name")
    func overrides() throws {
        let own = try values(.zeros, overridden: .ones)
        #expect(own.allSatisfy { $0 == 1 })
    }

    /// The initial values of an embedding's table of 100 × 20.
    private func values(
        _ initializer: Initializer, name: String = "table.weight", overridden: Initializer? = nil
    ) throws -> [Float] {
        var names = ModelNames()
        let table = Parameter([100, 20], initializer: initializer)
        names.add(table, name: name)
        names.initializers[name] = overridden
        let plan = try Plan.compile(
            names: names, inputShape: [3], loss: .squaredError, optimizer: .sgd
        ) { $0.tracer.embedding($0, weight: table, paddingToken: nil, layer: nil) }
        let state = try FlatState(plan: plan, seed: 5)
        return Array(try #require(state.parameterViews.first).elements)
    }
}
