import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

/// One worker's core under thousands of random events: a shell that answers in any order or never, and a coordinator, or
/// several, that say whatever they like.
@Suite struct WorkerPropertyTests {
    @Test func whateverHappensThePromisesHold() throws {
        for seed in 0..<300 as Range<UInt64> {
            var storm = WorkerStorm(seed: seed)
            try storm.run(events: 400)
            #expect(storm.flaws.isEmpty, "seed \(seed): \(storm.flaws.prefix(3))")
        }
    }

    /// The storm gets everywhere, or its silence says nothing.
    @Test func theStormReachesEveryState() throws {
        var states: Set<String> = []
        for seed in 0..<60 as Range<UInt64> {
            var storm = WorkerStorm(seed: seed, notesStates: true)
            try storm.run(events: 400)
            states.formUnion(storm.states)
        }
        let all: Set<String> = [
            "preparing", "prepared", "measuring", "measured", "linking", "levelling", "computing", "exchanging",
            "updating",
            "judging", "parking", "reaching", "freezing", "frozen", "observing", "draining", "halted", "done",
        ]
        #expect(all.subtracting(states).isEmpty)
    }

    /// The canary: shells that break their word, which the same checks must find.
    @Test(arguments: WorkerStorm.Flaw.allCases) func theChecksNotice(_ flaw: WorkerStorm.Flaw) throws {
        let isFound = try (0..<200 as Range<UInt64>).contains { seed in
            var storm = WorkerStorm(seed: seed, flaw: flaw)
            try storm.run(events: 400)
            return !storm.flaws.isEmpty
        }
        #expect(isFound, "\(flaw)")
    }

    /// Messages as a peer could send them, to a worker in any state: none ends the process.
    @Test func noMessageTraps() throws {
        let seed: UInt64 = 5
        var random = SeededGenerator(seed: seed)
        let texts = try ControlMessageTests.messages.map { try ControlMessageCoding.encode($0) }
        for round in 0..<300 {
            var storm = WorkerStorm(seed: UInt64(round))
            try storm.run(events: Int.random(in: 0..<60, using: &random))
            for _ in 0..<20 {
                var bytes = texts.randomElement(using: &random) ?? []
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    // Digits for digits, mostly: numbers that nobody would choose.
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    let isDigit = (0x30...0x39).contains(bytes[place])
                    bytes[place] = isDigit ? UInt8.random(in: 0x30...0x39, using: &random) : bytes[place]
                }
                guard let message = try? ControlMessageCoding.decodeMessage(bytes) else { continue }
                _ = storm.worker.say(message)
                _ = storm.worker.event(.tick)
                _ = storm.worker.core.nextDeadline
            }
        }
    }
}
