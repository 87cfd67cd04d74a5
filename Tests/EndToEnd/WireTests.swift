import LockstepFormats
import Testing

extension ExecutableTests {
    /// What travels between processes is for nobody else.
    @Suite struct WireTests {
        @Test func nothingIsReadableOnTheWay() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob()
                // One step of 16 samples at β₁ = ½: the first moment is the summed gradient divided by 32, exactly.
                let changes = ["steps=1", "batchSize=16", "optimizer={adam: {learningRate: 0.01, beta1: 0.5}}"]
                    .flatMap { ["--set", $0] }
                let cluster = try HandCluster(in: directory)
                let coordinator = try await cluster.coordinator(
                    job: "job.yaml", workers: 2, ["--run-directory", "run"] + changes)
                let front = try RecordingProxy(to: coordinator.port)
                var proxies = [front]
                var workers: [RunningProcess] = []
                for name in ["w0", "w1"] {
                    let port = try TCPListener.freePort()
                    let proxy = try RecordingProxy(to: port)
                    proxies.append(proxy)
                    workers.append(
                        try cluster.worker(
                            name, join: "127.0.0.1:\(front.port)", "--listen", "127.0.0.1:\(port)", "--advertise",
                            "127.0.0.1:\(proxy.port)"))
                }
                let result = try await TrainingResult(coordinator.process.outcome())
                for worker in workers { #expect(try await worker.outcome().exitCode == 0) }

                let state = try StateDigests("run/snapshots/step-00000001", in: directory)
                #expect(state.digest == result.digest)
                let moments = state.optimizer.filter { $0.name.hasPrefix("exp_avg.") }
                let gradients = moments.map { moment in
                    (moment.floats ?? []).flatMap { value in
                        (0..<4).map { UInt8(truncatingIfNeeded: (value * 32).bitPattern >> (8 * UInt32($0))) }
                    }
                }
                #expect(gradients.count == 4 && gradients.allSatisfy { $0.count >= 12 })
                let secrets =
                    [try directory.bytes(of: "images"), try directory.bytes(of: "job.yaml")]
                    + state.parameters.map { Array($0.bytes) } + state.optimizer.map { Array($0.bytes) } + gradients
                let search = SecretSearch(secrets)

                let streams = proxies.flatMap(\.streams)
                let sent = result.gradientBytesSent.reduce(0) { $0 + $1.count }
                #expect(sent > 0 && proxies[1].byteCount + proxies[2].byteCount > sent, "the gradients came this way")
                #expect(front.byteCount > state.parameters.reduce(0) { $0 + $1.bytes.count })
                for stream in streams { #expect(search.firstMatch(in: stream) == nil) }

                // The canary: each of the secrets is found where it does stand.
                for secret in secrets where secret.count >= 64 {
                    // The byte before it is another than in the secret, so that it begins where it is planted.
                    let prefix = (streams.first ?? []) + [~secret[19]]
                    #expect(search.firstMatch(in: prefix + secret[20..<36] + [1, 2, 3]) == prefix.count)
                }
            }
        }
    }
}
