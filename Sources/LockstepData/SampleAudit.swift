internal import LockstepCore

/// Proves from a run's reports that every sample of every epoch counted exactly once, and names what did not.
///
/// Of each report it computes anew which samples every lane held, compares the members' hashes, and marks the samples whose
/// use is proved; at the end of an epoch each must be marked once. So it relies neither on the order being one to
/// one, nor on the lanes of a roster being each lane once.
package struct SampleAudit {
    /// A worker of a generation.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let lanes: Range<Int>

        package init(name: String, lanes: Range<Int>) {
            self.name = name
            self.lanes = lanes
        }
    }

    /// What was reported of a step.
    package struct Report: Sendable, Hashable {
        package var step: Int
        package var epoch: Int
        package var generation: UInt32
        /// Of the generation's members, in roster order.
        package var sampleHashes: [UInt64]
        /// Of all lanes over the steps of the epoch so far, modulo 2⁶⁴.
        package var epochSampleSum: UInt64

        package init(
            step: Int, epoch: Int, generation: UInt32, sampleHashes: [UInt64], epochSampleSum: UInt64
        ) {
            self.step = step
            self.epoch = epoch
            self.generation = generation
            self.sampleHashes = sampleHashes
            self.epochSampleSum = epochSampleSum
        }
    }

    private let order: SampleOrder
    private let laneCount: Int
    /// The last of the job.
    private let lastStep: Int
    private let members: (UInt32) -> [Member]?
    /// The members of the generations that were asked for; nil for one that nobody knows.
    private var rosters: [UInt32: [Member]?] = [:]

    /// The greatest step that is taken or passed over.
    private var step = 0
    private var samples: StepSamples
    private var epoch: AuditedEpoch?
    private var epochs: [SampleAuditResult.Epoch] = []
    private var findings = AuditFindings()
    private var reportCount = 0

    /// - Parameters:
    ///   - order: of training.
    ///   - lastStep: of the job.
    ///   - members: of a generation, in roster order; nil where nobody knows it. Asked once for each.
    package init(order: SampleOrder, laneCount: Int, lastStep: Int, members: @escaping (UInt32) -> [Member]?) {
        self.order = order
        self.laneCount = laneCount
        self.lastStep = lastStep
        self.members = members
        samples = StepSamples(order: order, laneCount: laneCount)
    }

    /// Something that should be a report and is none.
    package mutating func takeDamage(_ what: String) { findings.add(.damage, what) }

    /// Reports come as they were written.
    package mutating func take(_ report: Report) {
        reportCount += 1
        guard report.step >= 1, report.step <= lastStep else {
            findings.add(.order, "step \(report.step) is reported, but the job has the steps 1 to \(lastStep)")
            return
        }
        guard report.step > step else {
            add(
                .order, report,
                report.step == step ? "is reported twice" : "is reported once more, after step \(step)")
            // Where that can still be told, its samples counted once more.
            guard let epoch, epoch.steps.contains(report.step) else { return }
            samples.fill(step: report.step)
            mark(report)
            return
        }
        pass(through: report.step - 1)
        enter(epoch: order.epoch(ofStep: report.step))
        step = report.step
        samples.fill(step: report.step)
        mark(report)
        if report.epoch != order.epoch(ofStep: report.step) {
            add(.epoch, report, "is reported in epoch \(report.epoch)")
        }
        let gap = epoch?.gap
        let isRight = epoch?.take(samples, reportedSum: report.epochSampleSum) ?? false
        if let gap {
            addMissing(gap, isAccountedFor: isRight)
        } else if !isRight {
            add(
                .sum, report,
                "the running sum of the epoch, a part of the state, does not grow by the hashes of its samples")
        }
    }

    /// Everything is taken.
    ///
    /// - Parameter knownStep: a step that the run is known to have done, though nobody may have reported it; 0 for none.
    package mutating func finish(knownStep: Int) -> SampleAuditResult {
        pass(through: min(knownStep, lastStep))
        closeEpoch()
        return SampleAuditResult(
            samplesPerEpoch: order.count, laneCount: laneCount, lastStep: step, reportCount: reportCount,
            epochs: epochs, findings: findings.kept, findingCount: findings.count)
    }

    // MARK: One step

    private mutating func add(
        _ kind: AuditFinding.Kind, _ report: Report, worker: String? = nil, _ what: String
    ) {
        let epoch = order.epoch(ofStep: report.step)
        findings.add(
            kind, steps: report.step...report.step, epochs: epoch...epoch, generation: report.generation,
            worker: worker, what)
    }

    /// Compares the hashes of a report with those of the samples in hand, and marks the samples that it proves.
    private mutating func mark(_ report: Report) {
        let members = rosters[report.generation] ?? self.members(report.generation)
        rosters[report.generation] = .some(members)
        guard let members else {
            return add(.generation, report, "the journal knows no generation \(report.generation)")
        }
        if let objection = objection(to: members) {
            add(.lanes, report, "in generation \(report.generation) \(objection)")
        }
        guard members.count == report.sampleHashes.count else {
            return add(
                .members, report,
                "\(report.sampleHashes.count) hashes are reported, but generation \(report.generation) has \(members.count) members"
            )
        }
        for (member, hash) in zip(members, report.sampleHashes) {
            guard 0 <= member.lanes.lowerBound, member.lanes.upperBound <= laneCount, !member.lanes.isEmpty else {
                continue
            }
            let expected = samples.hash(of: member.lanes)
            guard hash == expected else {
                let lanes =
                    member.lanes.count == 1
                    ? "lane \(member.lanes.lowerBound)"
                    : "lanes \(member.lanes.lowerBound) to \(member.lanes.upperBound - 1)"
                add(
                    .samples, report, worker: member.name,
                    "\(member.name.escapedForDisplay()) used other samples than \(lanes) of generation \(report.generation) hold; in step \(report.step) its hash is \(hash.sixteenDigits) instead of \(expected.sixteenDigits)"
                )
                continue
            }
            epoch?.mark(samples.samples(of: member.lanes))
        }
    }

    /// What is wrong with the lanes of a generation; nil where each lane has one owner.
    private func objection(to members: [Member]) -> String? {
        var next = 0
        for member in members.sorted(by: { $0.lanes.lowerBound < $1.lanes.lowerBound }) {
            if member.lanes.lowerBound > next { return "nobody has lane \(next)" }
            if member.lanes.lowerBound < next { return "lane \(member.lanes.lowerBound) has two owners" }
            next = member.lanes.upperBound
        }
        if next < laneCount { return "nobody has lane \(next)" }
        return next > laneCount ? "there is a lane \(next - 1), beyond the job's \(laneCount)" : nil
    }

    // MARK: Steps without a report

    private mutating func addMissing(_ steps: ClosedRange<Int>, isAccountedFor: Bool) {
        findings.add(
            .missing, steps: steps,
            epochs: order.epoch(ofStep: steps.lowerBound)...order.epoch(ofStep: steps.upperBound),
            isAccountedFor
                ? "no report, though the running sum of the epoch accounts for the samples" : "no report")
    }

    /// Passes over all steps up to `last` that were not taken.
    private mutating func pass(through last: Int) {
        guard last > step else { return }
        if let epoch {
            passInEpoch(through: min(last, epoch.steps.upperBound))
            guard last > step else { return }
        }
        closeEpoch()
        let whole = order.epoch(ofStep: step + 1)...order.epoch(ofStep: last)
        if whole.count > 1 {
            // Of epochs that are missing as a whole nothing needs to be computed.
            let epochs = whole.lowerBound...whole.upperBound - 1
            let steps = step + 1...epochs.upperBound * order.stepsPerEpoch
            addMissing(steps, isAccountedFor: false)
            self.epochs.append(
                SampleAuditResult.Epoch(
                    epochs: epochs, steps: steps, isComplete: true, samples: order.count, once: 0, repeated: 0,
                    examples: []))
            step = steps.upperBound
        }
        enter(epoch: whole.upperBound)
        passInEpoch(through: last)
    }

    private mutating func passInEpoch(through last: Int) {
        while step < last {
            step += 1
            samples.fill(step: step)
            epoch?.pass(samples)
        }
    }

    // MARK: Epochs

    private mutating func enter(epoch number: Int) {
        guard epoch?.epoch != number else { return }
        closeEpoch()
        epoch = AuditedEpoch(epoch: number, of: order)
    }

    private mutating func closeEpoch() {
        guard let closed = epoch else { return }
        epoch = nil
        if let gap = closed.gap { addMissing(gap, isAccountedFor: false) }
        let result = closed.result(order)
        guard let last = epochs.last, last.isComplete, result.isComplete, last.isExact, result.isExact,
            last.epochs.upperBound + 1 == result.epochs.lowerBound
        else { return epochs.append(result) }
        epochs[epochs.count - 1].epochs = last.epochs.lowerBound...result.epochs.upperBound
        epochs[epochs.count - 1].steps = last.steps.lowerBound...result.steps.upperBound
    }
}
