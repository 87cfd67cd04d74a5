import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ExecutableTests {
    /// A worker opens data beneath its own directory only, and only the same data as the coordinator's.
    @Suite struct WorkerDataTests {
        /// A cluster of two whose second worker reads `other/`, which holds what `prepare` puts there.
        private func expectRefusal(
            naming words: String..., prepare: (TestDirectory) throws -> Void
        ) async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(data: "data/")
                try directory.write("", to: "other/data/nothing")
                try prepare(directory)
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let good = try cluster.worker("w0", join: coordinator.address)
                _ = try await coordinator.process.errorLine(containing: "worker w0 is here")
                let bad = try cluster.worker("w1", join: coordinator.address, "--data", "other")

                let refused = try await bad.outcome()
                #expect(refused.exitCode == 2, "\(refused)")
                let ended = try await coordinator.process.outcome()
                #expect(ended.exitCode == 2, "\(ended)")
                let line = try #require(ended.errors.last)
                for word in words {
                    #expect(refused.errors.last?.contains(word) == true, "“\(word)” is due: \(refused)")
                    #expect(line.contains(word), "“\(word)” is due: \(ended)")
                }
                #expect(line.hasPrefix("lockstep: ") && line.contains("w1"), "\(ended)")
                let other = try await good.outcome()
                #expect(other.exitCode == 1, "\(other)")
                #expect(!ended.errorText.contains("Fatal error"))
            }
        }

        @Test func differentFileIsRefused() async throws {
            try await expectRefusal(naming: "data/labels", "differs") { directory in
                try directory.write(directory.bytes(of: "data/images"), to: "other/data/images")
                var labels = try directory.bytes(of: "data/labels")
                labels[20] ^= 1
                try directory.write(labels, to: "other/data/labels")
            }
        }

        /// What a worker cannot read beneath its directory the coordinator sends; a way out of the directory is not taken.
        @Test(arguments: [false, true]) func missingFilesAreSent(areLinksOut: Bool) async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(data: "data/")
                let expected = try await directory.train("job.yaml")
                try directory.write("", to: "other/data/nothing")
                for name in ["images", "labels"] where areLinksOut {
                    try FileManager.default.createSymbolicLink(
                        atPath: directory["other/data/\(name)"], withDestinationPath: directory["data/\(name)"])
                }
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = [
                    try cluster.worker("w0", join: coordinator.address),
                    try cluster.worker("w1", join: coordinator.address, "--data", "other"),
                ]
                #expect(try await TrainingResult(coordinator.process.outcome()) == expected)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }

        /// The canary: the same files under another directory, one of them compressed, and a link that stays inside.
        @Test func sameDataElsewhereIsTaken() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(data: "data/")
                let expected = try await directory.train("job.yaml")
                try directory.write(IDXFiles.gzip(directory.bytes(of: "data/images")), to: "other/data/images")
                try directory.write(directory.bytes(of: "data/labels"), to: "other/real")
                try FileManager.default.createSymbolicLink(
                    atPath: directory["other/data/labels"], withDestinationPath: "../real")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let workers = [
                    try cluster.worker("w0", join: coordinator.address),
                    try cluster.worker("w1", join: coordinator.address, "--data", "other"),
                ]
                #expect(try await TrainingResult(coordinator.process.outcome()) == expected)
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
            }
        }
    }
}
