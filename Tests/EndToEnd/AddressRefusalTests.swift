import LockstepWire
import Testing

extension ExecutableTests {
    /// Addresses and identities that a coordinator or a worker cannot use.
    @Suite struct AddressRefusalTests {
        private func coordinate(
            _ directory: TestDirectory, listen: String, identity: String = "c0"
        ) async throws -> Outcome {
            try directory.write(SmallJob.perceptron.text, to: "job.yaml")
            let before = directory.contents
            let outcome = try await directory.run(
                ["coordinator", "job.yaml", "--listen", listen, "--identity", identity, "--workers", "1"])
            #expect(directory.contents == before, "nothing is started or written")
            return outcome
        }

        @Test func portInUse() async throws {
            try await TestDirectory.with { directory in
                _ = try HandCluster(in: directory)
                let other = try TCPListener()
                try await coordinate(directory, listen: "127.0.0.1:\(other.port)")
                    .expectRefusal(naming: "127.0.0.1:\(other.port)", "in use", "another port")
            }
        }

        @Test(arguments: ["192.0.2.1:0", "no-such-host.invalid:7070"])
        func addressOfAnotherMachine(address: String) async throws {
            try await TestDirectory.with { directory in
                _ = try HandCluster(in: directory)
                try await coordinate(directory, listen: address)
                    .expectRefusal(naming: address, "no address of this machine")
            }
        }

        @Test(arguments: ["7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":7070", ""])
        func noAddress(text: String) async throws {
            try await TestDirectory.with { directory in
                _ = try HandCluster(in: directory)
                try await coordinate(directory, listen: text).expectRefusal(naming: "--listen", "HOST:PORT")
                try await directory.run(["worker", "--join", text, "--identity", "c0"])
                    .expectRefusal(naming: "--join", "HOST:PORT")
            }
        }

        @Test func identityThatCannotBeRead() async throws {
            try await TestDirectory.with { directory in
                _ = try HandCluster(in: directory)
                try await coordinate(directory, listen: "127.0.0.1:0", identity: "nowhere")
                    .expectRefusal(naming: "nowhere/certificate.pem", "No such file")
                try directory.write("no key", to: "c0/key.pem")
                try await coordinate(directory, listen: "127.0.0.1:0").expectRefusal(naming: "c0/key.pem")
            }
        }

        @Test func keyThatOthersCanRead() async throws {
            try await TestDirectory.with { directory in
                _ = try HandCluster(in: directory)
                try directory.setPermissions(0o640, of: "c0/key.pem")
                try await coordinate(directory, listen: "127.0.0.1:0")
                    .expectRefusal(naming: "c0/key.pem", "640", "chmod 600")
                try directory.setPermissions(0o600, of: "c0/key.pem")
            }
        }

        @Test func identityOfAnotherRole() async throws {
            try await TestDirectory.with { directory in
                let cluster = try HandCluster(in: directory)
                _ = try cluster.authority.issue(role: .worker, name: "w0", into: directory["w0"])
                try await coordinate(directory, listen: "127.0.0.1:0", identity: "w0")
                    .expectRefusal(exitCode: 4, naming: "lockstep://demo/worker/w0", "coordinator")
                try await directory.run(["worker", "--join", "127.0.0.1:1", "--identity", "c0"])
                    .expectRefusal(exitCode: 4, naming: "lockstep://demo/coordinator/c0", "worker")
            }
        }

        @Test func nobodyListens() async throws {
            try await TestDirectory.with { directory in
                let cluster = try HandCluster(in: directory)
                let free = try TCPListener.freePort()
                let worker = try cluster.worker("w0", join: "127.0.0.1:\(free)", "--patience", "0.3s")
                try await worker.outcome().expectRefusal(exitCode: 75, naming: "127.0.0.1:\(free)", "refused")
            }
        }

        @Test(arguments: ["soon", "10", "-1s", "nans", "s"])
        func patienceThatIsNone(text: String) async throws {
            try await TestDirectory.with { directory in
                let cluster = try HandCluster(in: directory)
                let worker = try cluster.worker("w0", join: "127.0.0.1:1", "--patience=\(text)")
                try await worker.outcome().expectRefusal(naming: "--patience", "10m")
            }
        }
    }
}
