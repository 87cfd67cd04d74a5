import Testing

extension ExecutableTests {
    /// Peers that know no protocol and mean no good.
    @Suite struct HostilePeerTests {
        /// Openings of a conversation that is none.
        private static let openings: [[UInt8]] = [
            [],
            [0x16],
            // A TLS record that claims more than it may.
            [0x16, 3, 1, 0xff, 0xff] + Array(repeating: 0, count: 300),
            // A ClientHello that claims to be 16 MiB.
            [0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff] + Array(repeating: 7, count: 16375),
            // A frame of this program's own, without TLS.
            [0x53, 0x4c, 1, 1] + Array(repeating: 0xff, count: 60),
            Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8),
            IDXFiles.pixels(1 << 16),
        ]

        @Test func runCompletesAmongThem() async throws {
            try await TestDirectory.with { directory in
                let job = SmallJob.perceptron
                try directory.write(job.text, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 3)
                for opening in HostilePeerTests.openings {
                    for _ in 0..<4 { try TCPConnection(to: coordinator.port).send(opening) }
                }
                // More than may be opening at a time, all held open: they are cut after their five seconds.
                let halfOpen = try (0..<300).map { _ in
                    let connection = try TCPConnection(to: coordinator.port)
                    connection.send([0x16, 3, 1])
                    return connection
                }
                var workers = try ["w0", "w1"].map { try cluster.worker($0, join: coordinator.address) }
                _ = try await coordinator.process.errorLine(containing: "(2 of 3)")
                for opening in HostilePeerTests.openings { try TCPConnection(to: coordinator.port).send(opening) }
                let number = try await coordinator.process.processIdentifier()
                let memory = ProcessTable.peakMemory(of: number) ?? 0
                #expect(memory < 300, "\(memory) MiB")
                workers.append(try cluster.worker("w2", join: coordinator.address))

                let outcome = try await coordinator.process.outcome()
                #expect(try TrainingResult(outcome).digest == job.digest)
                #expect(outcome.errors.filter { $0.contains("refused 127.0.0.1:") }.count > 28, "each with its reason")
                #expect(outcome.errors.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 32 } })
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
                withExtendedLifetime(halfOpen) {}
            }
        }

        @Test func runGoesOnAmongThem() async throws {
            try await TestDirectory.with { directory in
                try directory.write(SmallJob.endless, to: "job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2, ["--set", "steps=120"])
                let workers = try ["w0", "w1"].map { try cluster.worker($0, join: coordinator.address) }
                _ = try await coordinator.process.outputLine(containing: "\"step\":3,")
                for opening in HostilePeerTests.openings {
                    for _ in 0..<4 { try TCPConnection(to: coordinator.port).send(opening) }
                }
                let result = try await TrainingResult(coordinator.process.outcome())
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }
                let undisturbed = try await directory.train("job.yaml", "--set", "steps=120", "--workers", "1")
                #expect(result == undisturbed)
            }
        }
    }
}
