import LockstepCluster
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct FeedItemTests {
    private static let hash = StateHash(high: 5, low: UInt64.max)

    static let items: [FeedItem] = {
        let unjudged = StatePoint(step: 12, isJudged: false)
        let step = FedStep(
            step: 13, totals: [0.1 + 0.2, -0.0, .infinity, .leastNonzeroMagnitude], sampleHashes: [0, UInt64.max],
            stateHash: hash,
            seconds: 0.25)
        var unhashed = step
        unhashed.stateHash = nil
        var report = StepReport(
            step: 12, epoch: 2, loss: 0.1 + 0.2, metrics: [.init(name: "accuracy", value: 0.5)], learningRate: 1e-3,
            samples: 4, seconds: 0.25)
        report.sampleHashes = [UInt64.max]
        return [
            FeedItem(
                generation: 3,
                .reports(steps: [report], evaluations: [EvaluationReport(epoch: 2, step: 12, sums: [1.5, 4])])),
            FeedItem(generation: 3, .state(unjudged)),
            FeedItem(generation: 3, .step(step)),
            FeedItem(generation: UInt32.max, .step(unhashed)),
            FeedItem(generation: 3, .judgement(FedJudgement(step: 12, sums: [1.5, -0.0], watchHash: UInt64.max))),
            FeedItem(generation: 3, .still(promised: 4, unjudged)),
            FeedItem(generation: 4, .begins(start: unjudged, stateHash: hash, wholeHash: hash)),
            FeedItem(generation: 4, .begins(start: unjudged, stateHash: hash, wholeHash: nil)),
            FeedItem(generation: 4, .gap),
        ]
    }()

    private func text(_ item: FeedItem) throws -> String {
        String(decoding: try ControlMessageCoding.encode(item), as: UTF8.self)
    }

    @Test func everyItemSurvivesTheWay() throws {
        for item in FeedItemTests.items {
            #expect(try ControlMessageCoding.decodeItem(try ControlMessageCoding.encode(item)) == item)
        }
    }

    /// They become part of a state: every bit counts, the sign of a zero and what is no number too.
    @Test func numbersKeepTheirBits() throws {
        let seed: UInt64 = 8
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let sums = (0..<3).map { _ in Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random)) }
            let item = FeedItem(generation: 1, .judgement(FedJudgement(step: 1, sums: sums, watchHash: 1)))
            let again = try ControlMessageCoding.decodeItem(try ControlMessageCoding.encode(item))
            guard case .judgement(let fed) = again.content else {
                Issue.record("seed \(seed): another item")
                return
            }
            #expect(fed.sums.map(\.bitPattern) == sums.map(\.bitPattern), "seed \(seed)")
        }
        let zero = FeedItem(generation: 1, .judgement(FedJudgement(step: 1, sums: [-0.0], watchHash: 1)))
        #expect(try text(zero).contains(#""sums":["8000000000000000"]"#))
    }

    @Test func otherTextIsNoItem() throws {
        let wrong = [
            "", "{}", #"{"item":"dance","generation":1}"#, #"{"item":"gap"}"#, #"{"item":"state","generation":1}"#,
            #"{"item":"judgement","generation":1,"step":1,"sums":[1.5],"watchHash":"0000000000000000"}"#,
            #"{"item":"judgement","generation":1,"step":1,"sums":["1.5"],"watchHash":"0000000000000000"}"#,
            #"{"item":"judgement","generation":1,"step":1,"sums":[],"watchHash":"000000000000000"}"#,
        ]
        for text in wrong {
            #expect(throws: ControlMessageCoding.Fault.self, "\(text)") {
                try ControlMessageCoding.decodeItem(Array(text.utf8))
            }
        }
    }
}
