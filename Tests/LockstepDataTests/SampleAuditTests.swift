import LockstepCore
import LockstepData
import LockstepTestSupport
import Testing

@Suite struct SampleAuditTests {
    private static func run(seed: UInt64) -> ReportedRun {
        var random = SeededGenerator(seed: seed)
        let count = Int.random(in: 5...40, using: &random)
        return ReportedRun(
            count: count, batchSize: Int.random(in: 1...count, using: &random),
            laneCount: Int.random(in: 1...9, using: &random), epochs: Int.random(in: 1...3, using: &random), seed: seed)
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func anHonestRunIsExact(seed: UInt64) {
        let run = Self.run(seed: seed)
        let result = run.audit(knownStep: run.lastStep)
        let epochs = run.lastStep / run.order.stepsPerEpoch
        #expect(result.isExact && result.findings.isEmpty, "seed \(seed): \(result.findings)")
        #expect(result.completedEpochs == epochs && result.lastStep == run.lastStep)
        #expect(result.epochs.count == 1 && result.epochs[0].once == run.order.count)
        // In the midst of an epoch.
        let part = ReportedRun(
            count: 40, batchSize: 7, laneCount: 3, epochs: 3, steps: 6 + Int(seed % 6) + 1, seed: seed)
        let partial = part.audit(knownStep: 8)
        #expect(partial.isExact == (seed % 6 > 0))
        #expect(partial.completedEpochs == (seed % 6 == 5 ? 2 : 1))
    }

    @Test func epochsAreCounted() {
        let run = ReportedRun(count: 10, batchSize: 4, laneCount: 3, epochs: 5, steps: 8, seed: 1)
        let result = run.audit()
        #expect(result.epochs.map(\.epochs) == [1...2, 3...3])
        #expect(result.epochs.map(\.steps) == [1...6, 7...8])
        #expect(result.epochs.map(\.isComplete) == [true, false])
        #expect(result.epochs.map(\.samples) == [10, 8] && result.epochs.map(\.once) == [10, 8])
        #expect(result.completedEpochs == 2 && result.reportCount == 8 && result.isExact)
        let none = ReportedRun(count: 10, batchSize: 4, laneCount: 3, epochs: 5, steps: 1, seed: 1)
        var empty = none
        empty.reports = []
        #expect(empty.audit().isExact && empty.audit().lastStep == 0)
    }

    /// One worker in one step: other samples, the samples of another step, of another worker, one left out, one twice.
    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func otherSamplesAreNamed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let honest = Self.run(seed: seed)
        let index = Int.random(in: 0..<honest.reports.count, using: &random)
        let report = honest.reports[index]
        let members = try #require(honest.rosters[report.generation])
        let member = Int.random(in: 0..<members.count, using: &random)
        let lanes = members[member].lanes
        let batch = honest.order.batchCount(ofStep: report.step)
        let lane = lanes.lowerBound
        let positions = LanePositions.range(lane: lane, of: honest.laneCount, batch: batch)
        let own = honest.order.samples(step: report.step, positions: positions)
        let others = honest.hash(report.step, lanes) &- SampleOrder.hash(of: own, lane: lane)
        var damages: [UInt64] = [
            honest.hash(report.step, lanes) ^ 1, honest.hash(report.step + 1, lanes),
            others &+ SampleOrder.hash(of: own + [0], lane: lane), others &+ SampleOrder.hash(of: own, lane: lane + 1),
            0,
        ]
        if !own.isEmpty {
            damages.append(others &+ SampleOrder.hash(of: own.dropLast(), lane: lane))
            damages.append(others &+ SampleOrder.hash(of: own.dropLast() + [honest.order.count], lane: lane))
        }
        if own.count > 1 { damages.append(others &+ SampleOrder.hash(of: own.reversed(), lane: lane)) }
        for damage in damages where damage != report.sampleHashes[member] {
            var run = honest
            run.replaceHash(report: index, member: member, with: damage)
            let result = run.audit()
            let comment = "seed \(seed), step \(report.step): \(result.findings)"
            #expect(!result.isExact, "\(comment)")
            let finding = try #require(result.findings.first, "\(comment)")
            #expect(finding.kind == .samples && finding.worker == members[member].name, "\(comment)")
            #expect(finding.steps == report.step...report.step && finding.epochs == report.epoch...report.epoch)
            // The state's sum says it too, once.
            #expect(result.findings.map(\.kind) == [.samples, .sum], "\(comment)")
            let samples = lanes.reduce(0) {
                $0 + LanePositions.range(lane: $1, of: honest.laneCount, batch: batch).count
            }
            let epoch = try #require(result.epochs.first { $0.epochs.contains(report.epoch) })
            #expect(epoch.unproved == samples && epoch.repeated == 0)
            #expect(result.epochs.allSatisfy { $0.epochs.contains(report.epoch) || $0.isExact })
        }
    }

    /// What one worker does wrong another makes good in the sum: both are named.
    @Test func errorsThatCancelAreNamed() {
        var run = ReportedRun(count: 64, batchSize: 16, laneCount: 4, epochs: 2, steps: 4, seed: 1)
        run.rosters = [1: [.init(name: "a", lanes: 0..<2), .init(name: "b", lanes: 2..<4)]]
        run.reports = []
        for step in 1...8 { run.report(step, 1) }
        #expect(run.audit().isExact)
        run.reports[5].sampleHashes[0] &+= 77
        run.reports[5].sampleHashes[1] &-= 77
        let result = run.audit()
        #expect(result.findings.map(\.kind) == [.samples, .samples] && result.findings.map(\.worker) == ["a", "b"])
        #expect(
            result.findings[0].description.hasPrefix(
                "step 6 of epoch 2: a used other samples than lanes 0 to 1 of generation 1 hold; in step 6 its hash is "
            ))
        // The two exchange their lanes: the sum stays, the names do not.
        run = ReportedRun(count: 64, batchSize: 16, laneCount: 4, epochs: 2, steps: 1, seed: 1)
        run.rosters = [1: [.init(name: "a", lanes: 0..<2), .init(name: "b", lanes: 2..<4)]]
        run.reports = []
        for step in 1...8 { run.report(step, 1) }
        run.reports[2].sampleHashes.swapAt(0, 1)
        #expect(run.audit().findings.map(\.worker) == ["a", "b"])
    }

    @Test func missingReportsAreNamed() throws {
        let honest = ReportedRun(count: 50, batchSize: 10, laneCount: 5, epochs: 3, seed: 5)
        for first in 0..<15 {
            for count in 1...3 where first + count < 15 {
                var run = honest
                run.reports.removeSubrange(first..<first + count)
                let result = run.audit()
                #expect(!result.isExact)
                #expect(result.findings.allSatisfy { $0.kind == .missing })
                let steps = result.findings.compactMap(\.steps).flatMap(Array.init)
                #expect(steps == Array(first + 1...first + count))
                // The sum tells of steps behind which there is a report of the same epoch.
                for finding in result.findings {
                    let last = try #require(finding.steps?.upperBound)
                    #expect(finding.description.contains("accounts for") == !last.isMultiple(of: 5))
                }
                #expect(result.epochs.reduce(0) { $0 + $1.unproved } == 10 * count)
            }
        }
        // The last ones: only what is known from elsewhere tells.
        var run = honest
        run.reports.removeLast(7)
        #expect(run.audit().isExact)
        let result = run.audit(knownStep: 15)
        #expect(result.findings.compactMap(\.steps) == [9...10, 11...15] && result.completedEpochs == 3)
        #expect(result.findings[0].description == "steps 9 to 10 of epoch 2: no report")
        // The gap hides other samples.
        run = honest
        run.replaceHash(report: 6, member: 0, with: 1)
        run.reports.remove(at: 6)
        #expect(run.audit().findings.map(\.description) == ["step 7 of epoch 2: no report"])
    }

    @Test func reportsOutOfPlaceAreNamed() {
        let honest = ReportedRun(count: 50, batchSize: 10, laneCount: 5, epochs: 3, seed: 6)
        func findings(_ change: (inout [SampleAudit.Report]) -> Void) -> [AuditFinding] {
            var run = honest
            change(&run.reports)
            let result = run.audit(knownStep: 15)
            #expect(!result.isExact)
            return result.findings
        }
        var found = findings { $0.insert($0[6], at: 7) }
        #expect(found.map(\.description) == ["step 7 of epoch 2: is reported twice"])
        found = findings { $0.swapAt(6, 7) }
        #expect(found.map(\.kind) == [.missing, .order])
        found = findings { $0.append($0[2]) }
        #expect(found.map(\.description) == ["step 3 of epoch 1: is reported once more, after step 15"])
        found = findings { $0[14].step = 16 }
        #expect(found.map(\.kind) == [.order, .missing])
        found = findings { $0[3].step = 0 }
        #expect(found.map(\.kind) == [.order, .missing])
        found = findings { $0[3].step = -.max }
        #expect(found.map(\.kind) == [.order, .missing])
        found = findings { $0[3].epoch = 2 }
        #expect(found.map(\.description) == ["step 4 of epoch 1: is reported in epoch 2"])
        found = findings { $0[3].generation = 99 }
        #expect(found.map(\.kind) == [.generation])
        found = findings { $0[3].sampleHashes.append(0) }
        #expect(found.map(\.kind) == [.members])
        found = findings { $0[3].sampleHashes = [] }
        #expect(found.map(\.kind) == [.members])
        found = findings { $0[3].epochSampleSum += 1 }
        // It differs in one step, and is right again in the next.
        #expect(found.map(\.kind) == [.sum] && found[0].steps == 4...5)
    }

    /// A report that comes twice proves that its samples counted twice.
    @Test func repeatedSamplesAreCounted() {
        var run = ReportedRun(count: 50, batchSize: 10, laneCount: 5, epochs: 1, seed: 6)
        run.reports.insert(run.reports[2], at: 3)
        let result = run.audit()
        #expect(result.epochs.map(\.repeated) == [10] && result.epochs.map(\.once) == [40])
        #expect(
            result.epochs[0].examples == run.order.samples(step: 3, positions: 0..<10).sorted().prefix(5).map { $0 })
    }

    /// Lanes that nobody or two workers own, while every worker reports what it did.
    @Test func lanesOfARosterAreProved() {
        func result(_ lanes: [Range<Int>]) -> SampleAuditResult {
            var run = ReportedRun(count: 60, batchSize: 12, laneCount: 6, epochs: 1, steps: 1, seed: 9)
            run.rosters = [4: lanes.enumerated().map { .init(name: "w\($0.offset)", lanes: $0.element) }]
            run.reports = []
            for step in 1...5 { run.report(step, 4) }
            return run.audit()
        }
        #expect(result([0..<3, 3..<6]).isExact)
        let twice = result([0..<4, 3..<6])
        #expect(twice.findings.map(\.kind) == [.lanes] && twice.findings[0].steps == 1...5)
        #expect(twice.findings[0].what == "in generation 4 lane 3 has two owners")
        #expect(twice.epochs[0].repeated == 10 && twice.epochs[0].unproved == 0)
        let never = result([0..<3, 4..<6])
        #expect(never.findings.map(\.what) == ["in generation 4 nobody has lane 3"])
        #expect(never.epochs[0].repeated == 0 && never.epochs[0].unproved == 10)
        #expect(result([0..<5]).findings.map(\.what) == ["in generation 4 nobody has lane 5"])
    }

    @Test func lanesBeyondTheJobAreHarmless() {
        var run = ReportedRun(count: 60, batchSize: 12, laneCount: 6, epochs: 1, seed: 9)
        let generation = run.reports[0].generation
        for lanes in [0..<7, -2..<6, 3..<3, 0..<Int.max, Int.min..<6] {
            run.rosters[generation] = [.init(name: "w", lanes: lanes)]
            run.reports[0].sampleHashes = [0]
            #expect(!run.audit().isExact)
        }
    }

    @Test func findingsOfNeighboursAreOne() {
        var run = ReportedRun(count: 64, batchSize: 4, laneCount: 4, epochs: 2, steps: 1, seed: 1)
        run.rosters = [1: [.init(name: "a", lanes: 0..<2), .init(name: "b\u{1B}", lanes: 2..<4)]]
        run.reports = []
        for step in 1...32 { run.report(step, 1) }
        for index in 3..<24 {
            run.reports[index].sampleHashes[0] ^= 1
            if index < 6 { run.reports[index].sampleHashes[1] ^= 1 }
        }
        let result = run.audit()
        #expect(result.findings.compactMap(\.steps) == [4...16, 4...6, 17...24])
        #expect(result.findings.map(\.worker) == ["a", "b\u{1B}", "a"])
        #expect(result.findings[1].description.hasPrefix("steps 4 to 6 of epoch 1: b\\u{1b} used other"))
        #expect(result.findingCount == 3)
    }

    /// A number that is damaged must not cost hours.
    @Test func whatIsMissingAsAWholeCostsNothing() {
        let order = SampleOrder.training(count: 3, batchSize: 1, seed: 1)
        var audit = SampleAudit(order: order, laneCount: 3, lastStep: 3_000_000_000) { _ in nil }
        audit.take(.init(step: 2_000_000_000, epoch: 1, generation: 1, sampleHashes: [], epochSampleSum: 0))
        let result = audit.finish(knownStep: .max)
        #expect(result.completedEpochs == 1_000_000_000 && !result.isExact)
        #expect(result.epochs.allSatisfy { !$0.isExact })
    }

    @Test func damageIsAFinding() {
        var audit = SampleAudit(
            order: .training(count: 3, batchSize: 1, seed: 1), laneCount: 3, lastStep: 3
        ) { _ in nil }
        for line in 1...2000 { audit.takeDamage("line \(line)") }
        let result = audit.finish(knownStep: 0)
        #expect(!result.isExact && result.findings.count == 1000 && result.findingCount == 2000)
    }
}
