import Testing

extension ExecutableTests {
    /// Workers that cannot read the job's files get them from the coordinator.
    @Suite struct StreamedDataTests {
        @Test func filesTravelToWorkersThatLackThem() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(data: "data/")
                try directory.write("", to: "empty/nothing")
                let expected = try await directory.train("job.yaml")
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(job: "job.yaml", workers: 2)
                let near = try cluster.worker("w0", join: coordinator.address)
                let far = try cluster.worker("w1", join: coordinator.address, "--data", "empty")
                let result = try TrainingResult(try await coordinator.process.outcome())
                #expect(result == expected)
                for worker in [near, far] {
                    let outcome = try await worker.outcome()
                    #expect(outcome.end == .exited(0), "\(outcome)")
                }
            }
        }
    }
}
