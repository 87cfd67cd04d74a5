import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Choice of kernels") struct KernelsTests {
    @Test("LOCKSTEP_ISA forces a variant")
    func selection() throws {
        #expect(try Kernels.selected(environment: [:]).name == Kernels.best().name)
        #expect(try Kernels.selected(environment: ["LOCKSTEP_ISA": ""]).name == Kernels.best().name)
        #expect(try Kernels.selected(environment: ["LOCKSTEP_ISA": "generic"]).name == "generic")
        #expect(Kernels.knownNames.contains(Kernels.best().name))
    }

    @Test(
        "a name that is unknown or that this CPU cannot run is refused",
        arguments: ["sse9\u{1B}[31m", "neon", "avx512"])
    func refusal(name: String) {
        // Whatever machine this is, it runs at most one of the two.
        guard Kernels(named: name) == nil else { return }
        #expect {
            try Kernels.selected(environment: ["LOCKSTEP_ISA": name])
        } throws: {
            guard let error = $0 as? CommandError else { return false }
            return error.exitCode == .usage && error.message.contains("generic") && !error.message.contains("\u{1B}")
        }
    }
}
