internal import LockstepCore
internal import LockstepFormats
internal import LockstepSnapshots
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// `metrics.jsonl` of a run directory: a line a step, each step once and in order.
///
/// A line survives this process when it is appended, and a loss of power when it was synchronized: only then may workers
/// forget the report. No step waits for that, until a worker keeps more reports than it may.
final class RunRecorder: Sendable {
    /// What the lines that were kept say.
    struct Kept: Sendable, Equatable {
        /// The step of the last one; 0 where there is none.
        var lastStep = 0
        /// The last one.
        var lastLine: JSONValue?
        /// How many steps each generation did, in order.
        var generations: [Generation] = []
        /// Of the epoch that they end in.
        var epoch: EpochSoFar?

        struct Generation: Sendable, Equatable {
            let number: UInt32
            var steps: Int
        }

        fileprivate mutating func add(_ step: Int, _ line: JSONValue) {
            lastStep = step
            lastLine = line
            let generation = UInt32(clamping: line["generation"]?.int ?? 0)
            if generations.last?.number != generation { generations.append(Generation(number: generation, steps: 0)) }
            generations[generations.count - 1].steps += 1
            epoch?.add(
                step: step, loss: line["loss"]?.double ?? .nan,
                metrics: (line["metrics"]?.object?.members ?? []).map { $0.value.double ?? .nan })
        }
    }

    private struct State {
        /// The step of the last line; 0 where there is none.
        var appended: UInt32
        /// … of the last one that survives a loss of power.
        var durable: UInt32 = 0
        /// … when workers were last pinged; and what they are told now, 0 for nothing.
        var durableAtPing: UInt32 = 0
        var told: UInt32 = 0
        var isSynchronizing = false
        /// The file takes no more, or cannot be made to last.
        var isBroken = false

        /// Whether there are lines that may not last yet, and can.
        var isBehind: Bool { !isBroken && durable < appended }
    }

    let kept: Kept
    private let path: String
    private let metrics: Int32
    private let state: Mutex<State>

    /// Opens the file, and cuts what a killed coordinator left torn.
    ///
    /// - Parameters:
    ///   - lastStep: of a run that goes on after S(`lastStep`) the later steps are cut off, for they will be done again;
    ///     where workers may have gone on with them, the last one of the job.
    ///   - epoch: takes the lines that are kept.
    /// - Throws: `CommandError` where the file cannot be written.
    init(_ directory: RunDirectory, after lastStep: Int, epoch: EpochSoFar? = nil) throws(CommandError) {
        path = directory.metrics
        kept = try RunRecorder.cut(path, after: lastStep, Kept(epoch: epoch))
        metrics = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        state = Mutex(State(appended: UInt32(clamping: kept.lastStep)))
        guard metrics >= 0 else { throw RunPlacement.cannotWrite(path) }
        // The name of a new file has to last too; where the system cannot say that, the lines still may.
        if kept.lastStep > 0 { try synchronize() } else { try? SystemFiles().synchronizeDirectory(directory.path) }
    }

    deinit { close(metrics) }

    /// Appends the line of a step.
    ///
    /// - Throws: `CommandError` where the system does not take it.
    func append(_ line: JSONValue, step: UInt32) throws(CommandError) {
        let isWritten = writeAll(line.text + "\n", to: metrics)
        state.withLock { state in
            if isWritten { state.appended = step } else { state.isBroken = true }
        }
        guard isWritten else { throw RunPlacement.cannotWrite(path) }
    }

    // MARK: Lines that last

    /// Up to which step reports may be forgotten, of those up to `step`. All where the file takes no more lines: what is
    /// lost has been said, and nobody is to wait for it.
    func covered(upTo step: UInt32) -> UInt32 {
        state.withLock { $0.isBehind ? min(step, $0.durable) : step }
    }

    /// All workers are pinged now. While the disk is slow they are told nothing: what a ping says twice is what the
    /// coordinator is missing, and it misses nothing.
    func beginPings() {
        state.withLock { state in
            state.told = state.durable > state.durableAtPing ? state.durable : 0
            state.durableAtPing = state.durable
        }
    }

    /// As `covered(upTo:)`, for a ping; 0 where it is to say nothing.
    func toldByPing(upTo step: UInt32) -> UInt32 {
        state.withLock { $0.isBehind ? min(step, $0.told) : step }
    }

    /// Whether there are lines that may not last and that nobody synchronizes; the caller does so then, where it may wait.
    func beginsSynchronizing() -> Bool {
        state.withLock { state in
            guard state.isBehind, !state.isSynchronizing else { return false }
            state.isSynchronizing = true
            return true
        }
    }

    /// Makes all lines last that are appended by now. Waits for the disk.
    ///
    /// - Throws: `CommandError` where the system refuses: no line lasts any more then.
    func synchronize() throws(CommandError) {
        let appended = state.withLock { $0.appended }
        #if canImport(Darwin)
        // There, fsync does not reach through the drive's own cache.
        let isDurable = fcntl(metrics, F_FULLFSYNC) == 0 || fsync(metrics) == 0
        #else
        let isDurable = fdatasync(metrics) == 0
        #endif
        state.withLock { state in
            state.isSynchronizing = false
            if isDurable { state.durable = max(state.durable, appended) } else { state.isBroken = true }
        }
        guard isDurable else { throw RunPlacement.cannotWrite(path) }
    }

    /// Steps come in order, so what is kept is a prefix: whole lines up to the first that is later or damaged.
    private static func cut(_ path: String, after lastStep: Int, _ none: Kept) throws(CommandError) -> Kept {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw RunPlacement.cannotWrite(path) }
            return none
        }
        defer { close(descriptor) }
        var kept = none
        var keptBytes = 0
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        reading: while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in buffer[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    guard line.count < 1 << 20 else { break reading }
                    continue
                }
                guard let value = try? JSONValue(parsing: line), let step = value["step"]?.int,
                    step > kept.lastStep, step <= lastStep
                else { break reading }
                keptBytes += line.count + 1
                kept.add(step, value)
                line = []
            }
        }
        guard ftruncate(descriptor, off_t(keptBytes)) == 0 else { throw RunPlacement.cannotWrite(path) }
        return kept
    }
}
