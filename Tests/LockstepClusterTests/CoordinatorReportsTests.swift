import LockstepCollectives
import LockstepCore
import Testing

@testable import LockstepCluster

/// A coordinator that takes over a run whose `metrics.jsonl` has lost lines that workers have forgotten.
@Suite struct CoordinatorReportsTests {
    /// Two workers of generation 1 at work, on connections 10 and 11, and a coordinator that knows of 6 steps.
    private func adopted(promised: UInt32 = 1) -> Conversation {
        let earlier = Conversation.running(2)
        var conversation = Conversation(workers: 2) {
            $0.history = JournalRecord.replay(earlier.core.journal)
            $0.welcome.incarnation = 2
            $0.welcome.reportedStep = 6
        }
        for index in 0..<2 { comeBack(&conversation, index, promised: promised) }
        return conversation
    }

    private func comeBack(_ conversation: inout Conversation, _ index: Int, promised: UInt32 = 1) {
        _ = conversation.hello(
            "w\(index)", 10 + index, process: UInt64(index), running: 1, promised: promised, isPrepared: true)
        _ = conversation.hello(
            "w\(index)", 110 + index, process: UInt64(index), purpose: .bulk, running: 1, promised: promised)
        _ = conversation.prepared(10 + index)
    }

    private static func steps(_ actions: [CoordinatorAction]) -> [UInt32] {
        actions.flatMap { if case .report(let reports) = $0 { reports.map(\.step) } else { [UInt32]() } }
    }

    /// Where it had to wait for the next generation nothing would be told any more.
    @Test func whatNobodyHasIsPassedOver() {
        var conversation = adopted()
        #expect(conversation.core.mode == .running)
        #expect(conversation.progress(10, 1, 9...12).isEmpty)
        let actions = conversation.progress(11, 1, 9...11)
        #expect(actions.warnings == ["the reports of steps 7 to 8 are lost"])
        #expect(CoordinatorReportsTests.steps(actions) == [9, 10, 11, 12])
        #expect(conversation.progress(10, 1, 13...13) == [.report(Conversation.reports(13...13))])
        #expect(conversation.progress(11, 1, 12...13).isEmpty)
    }

    @Test func oneWorkerThatHasItIsEnough() {
        var conversation = adopted()
        #expect(conversation.progress(10, 1, 9...12).isEmpty)
        // In several messages.
        #expect(CoordinatorReportsTests.steps(conversation.progress(11, 1, 7...7)) == [7])
        let actions = conversation.progress(11, 1, 8...13)
        #expect(CoordinatorReportsTests.steps(actions) == [8, 9, 10, 11, 12, 13] && actions.warnings.isEmpty)
    }

    /// What was told on an earlier connection says nothing of what is still to come on this one.
    @Test func whoComesBackIsHeardFirst() {
        var conversation = adopted()
        #expect(conversation.progress(10, 1, 9...12).isEmpty)
        comeBack(&conversation, 0)
        #expect(conversation.progress(11, 1, 9...12).isEmpty)
        #expect(CoordinatorReportsTests.steps(conversation.progress(10, 1, 7...12)) == Array(7...12))
    }

    @Test func aGenerationBeginsWithAllThatWasTold() {
        var conversation = adopted(promised: 2)
        #expect(conversation.core.mode == .freezing(generation: 3))
        #expect(conversation.progress(10, 1, 9...12).isEmpty)
        _ = conversation.frozen(10, 3, 12)
        let actions = conversation.frozen(11, 3, 12)
        #expect(!actions.starts.isEmpty && actions.warnings.contains("the reports of steps 7 to 8 are lost"))
        #expect(CoordinatorReportsTests.steps(actions) == [9, 10, 11, 12])
    }

    /// All is done, and the last lines are lost: nobody has anything to tell.
    @Test func theEndWaitsForNothing() {
        var conversation = adopted()
        var actions: [CoordinatorAction] = []
        for connection in [10, 11] {
            actions = conversation.say(
                connection,
                .done(
                    Done(
                        generation: 1, step: 8, hash: Conversation.hash(8), lanesComputed: 12, gradientBytesSent: 0,
                        evaluation: nil, lastEpoch: [1])))
        }
        #expect(actions.warnings.contains("the reports of steps 7 to 8 are lost"))
        #expect(conversation.core.lastReported == 8)
    }

    /// A step that the job does not have, of one that has gone, is not what others are waited for.
    @Test func aRunThatIsDoneHasNoLaterSteps() {
        var conversation = adopted()
        _ = conversation.progress(10, 1, 4_000_000...4_000_000)
        for connection in [10, 11] {
            _ = conversation.progress(connection, 1, 7...8)
            _ = conversation.say(
                connection,
                .done(
                    Done(
                        generation: 1, step: 8, hash: Conversation.hash(8), lanesComputed: 12, gradientBytesSent: 0,
                        evaluation: nil, lastEpoch: [1])))
        }
        #expect(conversation.core.lastReported == 8 && conversation.core.furthestStep == 8)
    }

    /// A run that is stopped before what is missing was passed over tells what it was told.
    @Test func aStopTellsWhatWasEarly() {
        var conversation = adopted()
        #expect(conversation.progress(10, 1, 9...12).isEmpty)
        _ = conversation.event(.stopRequested(reason: "SIGTERM"))
        #expect(conversation.progress(11, 1, 9...12).isEmpty)
        let actions = conversation.frozen(10, 2, 12) + conversation.frozen(11, 2, 12)
        #expect(actions.warnings.contains("the reports of steps 7 to 8 are lost"))
        #expect(CoordinatorReportsTests.steps(actions) == [9, 10, 11, 12])
    }

    @Test func validationsAreToldInOrder() {
        var conversation = adopted()
        let evaluations = [8, 10].map { EvaluationReport(epoch: 1, step: $0, sums: [1, 1]) }
        func progress(_ steps: ClosedRange<UInt32>, _ evaluations: [EvaluationReport]) -> ControlMessage {
            .progress(
                Progress(
                    generation: 1, step: 11, stage: .forward, reports: Conversation.reports(steps),
                    evaluations: evaluations))
        }
        #expect(conversation.say(10, progress(9...11, [evaluations[1]])).isEmpty)
        let told = conversation.say(11, progress(7...11, evaluations)).compactMap { action in
            if case .evaluated(let evaluation) = action { evaluation.step } else { nil }
        }
        #expect(told == [8, 10])
    }

    /// Its step is on disk; whether the lost coordinator told of it nobody knows.
    @Test func theValidationOfTheLastKnownStepIsTold() {
        var conversation = adopted()
        let evaluation = EvaluationReport(epoch: 1, step: 6, sums: [1, 1])
        let progress = Progress(
            generation: 1, step: 7, stage: .forward, reports: Conversation.reports(5...6), evaluations: [evaluation])
        #expect(conversation.say(10, .progress(progress)) == [.evaluated(evaluation)])
        #expect(conversation.say(11, .progress(progress)).isEmpty)
    }

    @Test func validationsWaitForTheirSteps() {
        var conversation = adopted()
        let evaluation = EvaluationReport(epoch: 1, step: 10, sums: [1, 1])
        let progress = Progress(
            generation: 1, step: 11, stage: .forward, reports: Conversation.reports(9...11), evaluations: [evaluation])
        #expect(conversation.say(10, .progress(progress)).isEmpty)
        let actions = conversation.say(11, .progress(progress))
        #expect(
            actions.dropFirst() == [
                .report(Conversation.reports(9...10)), .evaluated(evaluation), .report(Conversation.reports(11...11)),
            ])
    }

    @Test func earlyReportsAreKeptOnceAndInOrder() {
        var early = EarlyReports()
        func add(_ step: UInt32) -> Bool { early.add(Conversation.reports(step...step)[0]) }
        let isTaken = [9, 12, 10, 12, 9, 14].map { add($0) }
        #expect(!isTaken.contains(false) && early.steps.map(\.step) == [9, 10, 12, 14])
        let none = early.takeSteps(after: 7)
        let next = early.takeSteps(after: 9).map(\.step)
        #expect(none.isEmpty && next == [10] && early.steps.map(\.step) == [12, 14])
        for step in 100..<100 + UInt32(EarlyReports.most) - 2 { _ = add(step) }
        let (isRoom, isKnown) = (add(13), add(14))
        #expect(!isRoom && isKnown)
    }

    /// What a peer says is no reason to run out of memory.
    @Test func earlyReportsAreBoundedInBytes() {
        var early = EarlyReports()
        let name = String(repeating: "n", count: EarlyReports.mostBytes / 4)
        func report(_ step: UInt32) -> StepReport {
            var report = Conversation.reports(step...step)[0]
            report.metrics = [StepReport.NamedValue(name: name, value: 1)]
            return report
        }
        let isKept = (10...14).map { early.add(report($0)) }
        #expect(isKept == [true, true, true, false, false])
        // What is taken makes room.
        let taken = early.takeSteps(after: 9)
        let isKeptThen = early.add(report(14))
        #expect(taken.count == 3 && isKeptThen)
    }
}
