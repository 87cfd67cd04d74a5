import Foundation
import LockstepCluster
import LockstepCore
import LockstepTestSupport
import LockstepWireTestSupport
import NIOCore
import Testing

@testable import LockstepRuntime

#if os(Linux)
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads) struct ThreadPolicyTests {
    /// The policy that the system schedules the calling thread by: field 41 of its `stat`, see proc(5).
    private static func policy() throws -> Int {
        let text = try String(contentsOfFile: "/proc/thread-self/stat", encoding: .utf8)
        // The name, in parentheses, may hold anything.
        let fields = try #require(text.split(separator: ")").last).split(separator: " ")
        return try #require(Int(fields[38]))
    }

    @Test func computeLeavesTheCoreToLoopsThatItMade() async throws {
        let (usual, batch) = (0, 3)
        let identity = WorkerIdentity(
            name: "w0", process: ProcessNumber(1), host: "here", processIdentifier: 1, version: "1",
            instructionSet: "generic", threads: 1)
        let (policy, rails) = try await withCheckedThrowingContinuation { continuation in
            do {
                try DetachedThread.start("compute", policy: .throughput) {
                    continuation.resume(
                        with: Result {
                            (try ThreadPolicyTests.policy(), RailGroup(count: 2, identity: identity) { _, _ in })
                        })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        #expect(policy == batch)
        for rail in rails.rails {
            #expect(try await rail.loop.submit { try ThreadPolicyTests.policy() }.get() == usual)
        }
        rails.close()
        await rails.endLoops()
    }
}
#endif
