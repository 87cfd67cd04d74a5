import LockstepTestSupport
import Testing

/// Each test runs on threads that no other kind of test can hold, so that it sees at once what a process says.
struct OwnThreadsTrait: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await withTaskExecutorPreference(OwnThreads.executables) { try await function() }
    }
}

extension OwnThreads {
    /// Those of `ExecutableTests`, which run beside tests of other modules.
    static let executables = OwnThreads(count: 4)
}

extension Trait where Self == OwnThreadsTrait {
    /// For tests of processes that do not wait for them.
    static var ownThreads: Self { OwnThreadsTrait() }
}
