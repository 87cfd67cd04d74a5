import LockstepCore
import Testing

@testable import LockstepModels

@Suite("Watch") struct WatchTests {
    private func outcomes(_ watch: Watch, _ values: [Double], metric: String? = nil) -> [Watch.Outcome] {
        var state = WatchState()
        return values.enumerated().map { index, value in
            // Every evaluation goes through the numbers of a snapshot.
            guard let copy = WatchState(numbers: state.numbers) else {
                Issue.record("\(state.numbers)")
                return Watch.Outcome()
            }
            #expect(copy == state)
            state = copy
            return state.observe(
                watch, loss: metric == nil ? value : 1, metrics: metric.map { [($0, value)] } ?? [],
                step: 10 * index + 10)
        }
    }

    @Test("stops after so many evaluations that were not better")
    func stops() {
        let watch = Watch(earlyStopping: EarlyStopping(patience: 2), schedule: 0.1)
        let found = outcomes(watch, [3, 2, 2, 1.5, 1.6, 1.5, 1])
        #expect(found.map(\.isImproved) == [true, true, false, true, false, false, true])
        #expect(found.map(\.stops) == [false, false, false, false, false, true, true], "a stop is final")
        #expect(found.allSatisfy { !$0.isBest })
    }

    @Test("a metric of which more is better, and a least improvement")
    func metric() {
        let watch = Watch(
            earlyStopping: EarlyStopping(metric: "accuracy", patience: 2, minimumDelta: 0.1), schedule: 0.1)
        let found = outcomes(watch, [0.5, 0.55, 0.61, 0.7, 0.71, 0.2], metric: "accuracy")
        #expect(found.map(\.isImproved) == [true, false, true, false, false, false])
        #expect(found.map(\.stops) == [false, false, false, false, true, true])
        // The canary: the same values of an error are judged the other way round.
        let error = Watch(
            earlyStopping: EarlyStopping(metric: "meanAbsoluteError", patience: 2, minimumDelta: 0.1), schedule: 0.1)
        #expect(
            outcomes(error, [0.5, 0.55, 0.61, 0.7, 0.71, 0.2], metric: "meanAbsoluteError").map(\.isImproved)
                == [true, false, false, false, false, true])
    }

    @Test("what is not finite is never better")
    func notFinite() {
        let watch = Watch(earlyStopping: EarlyStopping(patience: 3), schedule: .plateau(from: 1), best: "loss")
        let found = outcomes(watch, [.nan, .infinity, 2, .nan, 1])
        #expect(found.map(\.isImproved) == [false, false, true, false, true])
        #expect(found.map(\.isBest) == [false, false, true, false, true])
        #expect(found.allSatisfy { !$0.stops })
    }

    @Test("the best snapshot is judged by its own value")
    func best() {
        let watch = Watch(schedule: 0.1, best: "f1")
        #expect(watch.isActive && !watch.keepsBest)
        let found = outcomes(watch, [0.1, 0.3, 0.2, 0.3, 0.4], metric: "f1")
        #expect(found.map(\.isBest) == [true, true, false, false, true])
        #expect(found.allSatisfy { !$0.stops && !$0.isImproved })
        #expect(!Watch(schedule: 0.1).isActive)
        #expect(Watch(earlyStopping: EarlyStopping(patience: 1, restoreBest: true), schedule: 0.1).keepsBest)
    }

    @Test("numbers that no watch has are refused")
    func numbers() {
        let sound = WatchState().numbers
        #expect(sound.count == WatchState.numberCount && sound.allSatisfy(\.isFinite))
        #expect(WatchState(numbers: sound) == WatchState())
        #expect(WatchState(numbers: []) == nil)
        #expect(WatchState(numbers: sound + [0]) == nil)
        for (index, value) in [
            (0, Double.nan), (1, -1), (1, 0.5), (1, 1e300), (2, 0.5), (4, -2), (5, 2), (5, -1), (6, 0.5),
            (7, .infinity), (8, -1),
        ] {
            var numbers = sound
            numbers[index] = value
            #expect(WatchState(numbers: numbers) == nil, "\(index)")
        }
    }

    @Test("settings are refused by name")
    func validation() throws {
        try Watch(earlyStopping: EarlyStopping(metric: "f1", patience: 1), schedule: 0.1).validate(names: ["f1"])
        let refused: [(Watch, String)] = [
            (
                Watch(earlyStopping: EarlyStopping(metric: "f2", patience: 1), schedule: 0.1),
                "earlyStopping.metric: 'f2'"
            ),
            (Watch(earlyStopping: EarlyStopping(patience: 0), schedule: 0.1), "earlyStopping.patience"),
            (
                Watch(earlyStopping: EarlyStopping(patience: 1, minimumDelta: .nan), schedule: 0.1),
                "earlyStopping.minimumDelta"
            ),
            (Watch(schedule: 0.1, best: "x\u{1B}"), "snapshots.best"),
        ]
        for (watch, words) in refused {
            #expect {
                try watch.validate(names: ["f1"])
            } throws: {
                guard let message = ($0 as? CommandError)?.message else { return false }
                return message.contains(words) && !message.contains("\u{1B}")
            }
        }
    }
}
