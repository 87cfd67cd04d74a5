import LockstepTestSupport
import Testing

@testable import LockstepCluster

@Suite struct UnreportedWorkTests {
    private func work(_ steps: some Sequence<UInt32>) -> UnreportedWork {
        var work = UnreportedWork()
        for step in steps { work.append(TestWorker.report(step)) }
        return work
    }

    /// All that is not sent, message by message.
    private func take(_ work: inout UnreportedWork) -> [[String]] {
        var messages: [[String]] = []
        while work.hasUnsent {
            let (steps, evaluations) = work.takeUnsent()
            messages.append(steps.map { "s\($0.step)" } + evaluations.map { "e\($0.step)" })
        }
        return messages
    }

    @Test func stepsGoOutOnceAConnection() {
        var work = work(1...3)
        #expect(take(&work) == [["s1", "s2", "s3"]] && !work.hasUnsent)
        work.append(TestWorker.report(4))
        #expect(take(&work) == [["s4"]])
        work.ping(2)
        work.resend(after: 3)
        #expect(take(&work) == [["s4"]])
    }

    @Test func aStepThatIsDoneAgainIsNotReportedAgain() {
        var work = work([1, 2, 3, 2, 3, 4])
        #expect(take(&work) == [["s1", "s2", "s3", "s4"]])
        work.ping(4)
        #expect(work.steps.isEmpty)
    }

    @Test func validationsAreKeptUntilTheStepAfterThem() {
        var work = work(1...2)
        work.append(EvaluationReport(epoch: 1, step: 2, sums: [1]))
        work.append(EvaluationReport(epoch: 1, step: 2, sums: [1]))
        work.append(TestWorker.report(3))
        work.ping(2)
        #expect(take(&work) == [["s3", "e2"]])
        work.resend(after: 2)
        #expect(take(&work) == [["s3", "e2"]])
        work.resend(after: 3)
        #expect(take(&work).isEmpty)
    }

    /// A coordinator that lacks an earlier step passes over what it gets; when it has that step it needs the rest.
    @Test func whatWasPassedOverIsSentAgain() {
        var work = work(5...8)
        _ = take(&work)
        work.ping(3)
        work.ping(3)
        #expect(!work.hasUnsent)
        // Now step 5 is the next that it wants, and it had it before the last ping.
        work.ping(4)
        #expect(!work.hasUnsent)
        work.ping(4)
        #expect(take(&work) == [["s5", "s6", "s7", "s8"]])
        // While it gets on, nothing is repeated; nor where it does not say how far it is.
        work.ping(5)
        work.ping(6)
        work.ping(0)
        work.ping(0)
        #expect(!work.hasUnsent && work.steps.count == 2)
    }

    @Test func messagesStayShort() throws {
        var work = UnreportedWork()
        for step in 1...3000 as ClosedRange<UInt32> {
            var report = TestWorker.report(step)
            report.sampleHashes = [UInt64](repeating: 0, count: 64)
            report.metrics = (0..<4).map { .init(name: "metric\($0)", value: 0.1 + 0.2) }
            work.append(report)
            if step.isMultiple(of: 100) {
                work.append(
                    EvaluationReport(epoch: step / 100, step: step, sums: [Double](repeating: 0.1 + 0.2, count: 9000)))
            }
        }
        var steps: [UInt32] = []
        var epochs: [UInt32] = []
        while work.hasUnsent {
            let (reports, evaluations) = work.takeUnsent()
            steps += reports.map(\.step)
            epochs += evaluations.map(\.epoch)
            // A validation is never told before its step.
            #expect(evaluations.allSatisfy { $0.step <= steps.last ?? 0 })
            let progress = Progress(
                generation: 1, step: 1, stage: .forward, reports: reports, evaluations: evaluations)
            #expect(try ControlMessageCoding.encode(.progress(progress)).count < 1 << 20)
        }
        #expect(steps == Array(1...3000) && epochs == Array(1...30))
    }

    @Test func itIsFullAtItsBound() {
        var work = work(1...UInt32(UnreportedWork.mostSteps - 1))
        #expect(!work.isFull)
        work.append(TestWorker.report(UInt32(UnreportedWork.mostSteps)))
        #expect(work.isFull)
        work.ping(1)
        #expect(!work.isFull)
    }

    /// Whatever is lost on the way: a coordinator that is lost with its last steps, messages that are lost with their
    /// connection, and one that lacks what another worker must tell it.
    @Test func noStepIsLost() {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var work = UnreportedWork()
            var done: UInt32 = 0
            /// What the coordinator has, and what of it can be lost no more.
            var known: UInt32 = 0
            var safe: UInt32 = 0
            func hear(_ messages: [[UInt32]]) {
                for step in messages.joined() where step == known + 1 { known = step }
            }
            func takeAll() -> [[UInt32]] {
                var messages: [[UInt32]] = []
                while work.hasUnsent { messages.append(work.takeUnsent().steps.map(\.step)) }
                return messages
            }
            for _ in 0..<200 {
                switch Int.random(in: 0..<5, using: &random) {
                case 0, 1:
                    done += 1
                    work.append(TestWorker.report(done))
                case 2:
                    hear(takeAll())
                case 3:
                    safe = known
                    work.ping(known)
                default:
                    // The connection breaks with some of what is on its way; the coordinator may have lost its tail.
                    let messages = takeAll()
                    hear(Array(messages.prefix(Int.random(in: 0...messages.count, using: &random))))
                    known = UInt32.random(in: safe...known, using: &random)
                    safe = known
                    work.resend(after: known)
                }
            }
            work.resend(after: known)
            hear(takeAll())
            #expect(known == done, "seed \(seed)")
        }
    }
}
