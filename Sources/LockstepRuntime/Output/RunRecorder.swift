internal import LockstepCore
internal import LockstepFormats

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// `metrics.jsonl` of a run directory: a line a step, each step once and in order.
final class RunRecorder: Sendable {
    /// What the lines that were kept say.
    struct Kept: Sendable, Equatable {
        /// The step of the last one; 0 where there is none.
        var lastStep = 0
        /// How many steps each generation did, in order.
        var generations: [Generation] = []

        struct Generation: Sendable, Equatable {
            let number: UInt32
            var steps: Int
        }

        fileprivate mutating func add(_ step: Int, generation: UInt32) {
            lastStep = step
            if generations.last?.number != generation { generations.append(Generation(number: generation, steps: 0)) }
            generations[generations.count - 1].steps += 1
        }
    }

    let kept: Kept
    private let path: String
    private let metrics: Int32

    /// Opens the file, and cuts what a killed coordinator left torn.
    ///
    /// - Parameter lastStep: of a run that goes on after S(`lastStep`) the later steps are cut off, for they will be done
    ///   again; nil where workers may have gone on with them.
    /// - Throws: `CommandError` where the file cannot be written.
    init(_ directory: RunDirectory, after lastStep: Int?) throws(CommandError) {
        path = directory.metrics
        kept = try RunRecorder.cut(path, after: lastStep ?? Int.max)
        metrics = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard metrics >= 0 else { throw RunPlacement.cannotWrite(path) }
    }

    deinit { close(metrics) }

    /// Appends a line.
    ///
    /// - Throws: `CommandError` where the system does not take it.
    func append(_ line: JSONValue) throws(CommandError) {
        guard writeAll(line.text + "\n", to: metrics) else { throw RunPlacement.cannotWrite(path) }
    }

    /// Steps come in order, so what is kept is a prefix: whole lines up to the first that is later or damaged.
    ///
    private static func cut(_ path: String, after lastStep: Int) throws(CommandError) -> Kept {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw RunPlacement.cannotWrite(path) }
            return Kept()
        }
        defer { close(descriptor) }
        var kept = Kept()
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
                kept.add(step, generation: UInt32(clamping: value["generation"]?.int ?? 0))
                line = []
            }
        }
        guard ftruncate(descriptor, off_t(keptBytes)) == 0 else { throw RunPlacement.cannotWrite(path) }
        return kept
    }
}
