import LockstepCluster
import LockstepCore
import Testing

/// Steps and validations that workers report, each told once and in order.
@Suite struct CoordinatorReportOrderTests {
    private func reports(_ steps: ClosedRange<UInt32>) -> [StepReport] { Conversation.reports(steps) }

    @Test func stepsAreReportedOnceAndInOrder() {
        var conversation = Conversation.running(2)
        func say(_ worker: Int, _ steps: ClosedRange<UInt32>) -> [CoordinatorAction] {
            conversation.say(
                worker, .progress(Progress(generation: 1, step: 1, stage: .update, reports: reports(steps))))
        }
        #expect(say(0, 2...3).isEmpty)
        // What came too early was kept.
        #expect(say(0, 1...2) == [.report(reports(1...3))])
        #expect(say(1, 1...4) == [.report(reports(4...4))])
        #expect(say(1, 6...6).isEmpty)
    }

    @Test func aValidationIsReportedOnceAfterItsStep() {
        var conversation = Conversation.running(2)
        func evaluation(_ step: UInt32) -> EvaluationReport {
            EvaluationReport(epoch: step / 2, step: step, sums: [1, 2, 3])
        }
        func progress(_ steps: ClosedRange<UInt32>, _ evaluations: [UInt32]) -> ControlMessage {
            .progress(
                Progress(
                    generation: 1, step: 1, stage: .update, reports: reports(steps),
                    evaluations: evaluations.map(evaluation)))
        }
        #expect(
            conversation.say(0, progress(1...5, [2, 4])) == [
                .report(reports(1...2)), .evaluated(evaluation(2)), .report(reports(3...4)), .evaluated(evaluation(4)),
                .report(reports(5...5)),
            ])
        #expect(
            conversation.say(1, progress(1...6, [2, 4, 6])) == [.report(reports(6...6)), .evaluated(evaluation(6))])
        #expect(conversation.say(0, progress(1...6, [8])).isEmpty)
        for wrong in [
            EvaluationReport(epoch: 0, step: 2, sums: [1]), EvaluationReport(epoch: 1, step: 0, sums: [1]),
            EvaluationReport(epoch: 1, step: 2, sums: []),
        ] {
            var other = Conversation.running(2)
            let message = Progress(
                generation: 1, step: 1, stage: .update, reports: reports(1...2), evaluations: [wrong])
            #expect(other.say(1, .progress(message)).releases == [1: .failed], "\(wrong)")
        }
    }
}
