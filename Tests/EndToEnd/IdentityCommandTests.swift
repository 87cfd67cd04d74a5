import Testing

extension ExecutableTests {
    /// `lockstep identity`.
    @Suite struct IdentityCommandTests {
        private func issue(_ name: String, _ options: String...) -> [String] {
            ["identity", "issue", "--authority", "authority", "--name", name] + options
        }

        @Test func createsIssuesAndShows() async throws {
            try await TestDirectory.with { directory in
                let created = try await directory.run(
                    ["identity", "create", "--cluster", "demo", "--directory", "authority"])
                #expect(created.end == .exited(0), "\(created)")
                #expect(created.output.count == 1 && created.output[0].contains("demo"))
                #expect(
                    directory.contents == [
                        "authority", "authority/authority-key.pem", "authority/authority.pem",
                        "authority/denied.jsonl", "authority/issued.jsonl",
                    ])
                let issued = try await directory.run(
                    issue("w0", "--role", "worker", "--days", "3", "--directory", "identities/w0"))
                #expect(issued.end == .exited(0), "\(issued)")
                #expect(issued.output.first == "name: lockstep://demo/worker/w0")
                let shown = try await directory.run(["identity", "show", "identities/w0"])
                #expect(shown.end == .exited(0) && shown.output == issued.output)
                #expect(shown.output.contains { $0.hasPrefix("valid: ") && $0.hasSuffix("(valid)") }, "\(shown)")
                for name in ["identities/w0/key.pem", "authority/authority-key.pem"] {
                    #expect(try directory.permissions(of: name) == 0o600)
                    #expect(try directory.text(of: name).hasPrefix("-----BEGIN PRIVATE KEY-----"))
                }
                let records = try directory.jsonLines(of: "authority/issued.jsonl")
                #expect(records.count == 1)
                #expect(!(created.output + issued.output).joined().contains("PRIVATE KEY"))
            }
        }

        @Test func nothingIsOverwritten() async throws {
            try await TestDirectory.with { directory in
                let create = ["identity", "create", "--cluster", "demo", "--directory", "authority"]
                _ = try await directory.run(create)
                let key = try directory.bytes(of: "authority/authority-key.pem")
                try await directory.run(create).expectRefusal(naming: "authority/authority.pem", "exists")
                #expect(try directory.bytes(of: "authority/authority-key.pem") == key)

                let issue = issue("w0", "--role", "worker", "--directory", "w0")
                _ = try await directory.run(issue)
                let certificate = try directory.bytes(of: "w0/certificate.pem")
                try await directory.run(issue).expectRefusal(naming: "w0/certificate.pem", "exists")
                #expect(try directory.bytes(of: "w0/certificate.pem") == certificate)
                // Nothing was issued that nobody has.
                #expect(try directory.jsonLines(of: "authority/issued.jsonl").count == 1)
            }
        }

        @Test func wrongArgumentsAreRefused() async throws {
            try await TestDirectory.with { directory in
                try await directory.run(["identity", "create", "--cluster", "a b", "--directory", "x"])
                    .expectRefusal(naming: "a b", "a-z")
                _ = try await directory.run(["identity", "create", "--cluster", "demo", "--directory", "authority"])
                let before = directory.contents
                try await directory.run(issue("w0", "--role", "boss", "--directory", "w0"))
                    .expectRefusal(naming: "--role boss", "worker")
                try await directory.run(issue("../w0", "--role", "worker", "--directory", "w0"))
                    .expectRefusal(naming: "../w0", "a-z")
                try await directory.run(issue("w0", "--role", "worker", "--days", "0", "--directory", "w0"))
                    .expectRefusal(naming: "--days 0")
                try await directory.run(
                    ["identity", "issue", "--authority", "none", "--role", "worker", "--name", "w", "--directory", "w"]
                ).expectRefusal(naming: "none/authority.pem", "No such file")
                try await directory.run(["identity", "show", "none"])
                    .expectRefusal(naming: "none/certificate.pem", "No such file")
                #expect(directory.contents == before)
            }
        }
    }
}
