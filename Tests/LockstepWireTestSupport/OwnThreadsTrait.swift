package import LockstepTestSupport
package import Testing

/// Each test runs on threads that no other kind of test can hold, so that its peers' time-outs are not over before it goes
/// on.
package struct OwnThreadsTrait: SuiteTrait, TestTrait, TestScoping {
    private let threads: OwnThreads

    package init(_ threads: OwnThreads) { self.threads = threads }

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await withTaskExecutorPreference(threads) { try await function() }
    }
}

extension Trait where Self == OwnThreadsTrait {
    /// For tests whose peers have time-outs.
    package static var ownThreads: Self { OwnThreadsTrait(.shared) }
}
