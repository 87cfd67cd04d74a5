#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Feeds a reader sound and damaged files. The reader must take them or refuse them with its own error.
///
///     try Fuzzer("journal", samples: [encoded]).run(refusing: JournalError.self) { bytes in
///         _ = try JournalFile(parsing: bytes)
///     }
///
/// The mutants follow from the seed. `LOCKSTEP_FUZZ_RUNS` asks for more of them, `LOCKSTEP_FUZZ_SEED` their seed. With
/// `LOCKSTEP_FUZZ_KEEP=DIRECTORY` each input is written there before it is read, so that one that ends the process stays.
package struct Fuzzer: Sendable {
    private let name: String
    private let corpus: [[UInt8]]
    private let mutator: FuzzMutator
    private let repair: @Sendable ([UInt8]) -> [UInt8]

    /// - Parameters:
    ///   - name: the folder in `Tests/Corpus` whose files are the corpus; there need not be one.
    ///   - samples: more files for the corpus.
    ///   - dictionary: words of the format.
    ///   - repair: makes checksums right again, which else hide what lies behind them; applied to three mutants in four.
    package init(
        _ name: String, samples: [[UInt8]] = [], dictionary: [String] = [], maximumBytes: Int = 1 << 16,
        repair: @escaping @Sendable ([UInt8]) -> [UInt8] = { $0 }
    ) throws {
        self.name = name
        self.repair = repair
        corpus = try Fuzzer.files(of: name).map(\.bytes) + samples
        mutator = FuzzMutator(dictionary: dictionary.map { Array($0.utf8) }, maximumBytes: maximumBytes)
        guard !corpus.isEmpty else { throw FuzzFlaw("\(name) has no corpus") }
    }

    /// The files of a folder of `Tests/Corpus`, in the order of their names; none where there is no such folder.
    package static func files(of name: String) throws -> [(name: String, bytes: [UInt8])] {
        let here = URL(filePath: #filePath).resolvingSymlinksInPath()
        let folder = here.deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpus/\(name)")
        guard FileManager.default.fileExists(atPath: folder.path()) else { return [] }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        return try names.map { ($0, Array(try Data(contentsOf: folder.appending(path: $0)))) }
    }

    /// Reads every file of the corpus as it is, then `runs` mutants.
    ///
    /// - Parameters:
    ///   - refused: the error that says that a file is not sound. Every other error is a finding.
    ///   - read: reads the bytes; it may check what it reads and throw `FuzzFlaw`.
    /// - Returns: how many inputs were taken and refused; neither is 0, for then nothing is proven.
    /// - Throws: `FuzzFinding` for the first input at which the reader goes wrong.
    @discardableResult
    package func run<Refusal: Error>(
        _ runs: Int = 3000, seed: UInt64 = 1, refusing refused: Refusal.Type, _ read: ([UInt8]) throws -> Void
    ) throws -> FuzzReport {
        let environment = ProcessInfo.processInfo.environment
        let runs = max(runs, environment["LOCKSTEP_FUZZ_RUNS"].flatMap { Int($0) } ?? 0)
        let seed = environment["LOCKSTEP_FUZZ_SEED"].flatMap { UInt64($0) } ?? seed
        let kept = environment["LOCKSTEP_FUZZ_KEEP"].map { URL(filePath: $0).appending(path: name) }
        var report = FuzzReport()
        for index in 0..<corpus.count + runs {
            let input = index < corpus.count ? corpus[index] : mutant(index, seed)
            if let kept { try Data(input).write(to: kept) }
            do {
                try read(input)
                report.taken += 1
            } catch is Refusal {
                report.refused += 1
            } catch {
                throw FuzzFinding(name: name, seed: seed, index: index, input: input, error: error)
            }
        }
        guard report.taken > 0, report.refused > 0 else {
            throw FuzzFlaw("fuzzing \(name) proves nothing: \(report.taken) taken, \(report.refused) refused")
        }
        if environment["LOCKSTEP_FUZZ_RUNS"] != nil {
            print("\(name), seed \(seed): \(report.taken) inputs taken, \(report.refused) refused")
        }
        return report
    }

    /// Each mutant has a generator of its own, so that it does not depend on those before it.
    private func mutant(_ index: Int, _ seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(index))
        let base = corpus.randomElement(using: &random) ?? []
        let other = corpus.randomElement(using: &random) ?? []
        let mutant = mutator.mutant(of: base, other: other, using: &random)
        return Int.random(in: 0..<4, using: &random) == 0 ? mutant : repair(mutant)
    }
}
