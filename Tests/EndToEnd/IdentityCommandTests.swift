import LockstepFormats
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

        @Test func revokesAndShows() async throws {
            try await TestDirectory.with { directory in
                _ = try await directory.run(["identity", "create", "--cluster", "demo", "--directory", "authority"])
                for name in ["w0", "w1"] {
                    _ = try await directory.run(issue(name, "--role", "worker", "--directory", name))
                }
                let revoke = ["identity", "revoke", "--authority", "authority", "w1", "--reason", "lost\n\u{1B}[2J"]
                let revoked = try await directory.run(revoke)
                #expect(revoked.end == .exited(0) && revoked.errors.isEmpty, "\(revoked)")
                #expect(revoked.output.count == 2, "\(revoked)")
                #expect(revoked.output.first?.hasPrefix("revoked lockstep://demo/worker/w1, serial ") == true)
                #expect(revoked.output.last == "the list: authority/denied.jsonl")
                let record = try directory.jsonLines(of: "authority/denied.jsonl")
                #expect(record.map { $0["name"]?.string } == ["lockstep://demo/worker/w1"])
                #expect(
                    record.first?["key"]?.string
                        == (try directory.jsonLines(of: "authority/issued.jsonl"))[1]["key"]?.string)
                #expect(try directory.permissions(of: "authority/denied.jsonl") == 0o600)
                let again = try await directory.run(revoke)
                #expect(
                    again.end == .exited(0) && again.output.first?.hasSuffix(" was revoked before") == true, "\(again)")
                #expect(try directory.jsonLines(of: "authority/denied.jsonl").count == 1)

                let shown = try await directory.run(["identity", "show", "w1", "--denied", "authority/denied.jsonl"])
                #expect(shown.output.last?.hasPrefix("revoked: 20") == true, "\(shown)")
                #expect(shown.output.last?.contains("lost\\u{a}\\u{1b}[2J") == true, "\(shown)")
                let other = try await directory.run(["identity", "show", "w0", "--denied", "authority/denied.jsonl"])
                #expect(other.output.last == "revoked: no, says authority/denied.jsonl", "\(other)")
                let all = try await directory.run(["identity", "show", "authority"])
                #expect(all.output.count == 2 && all.output[0].contains("  valid to "), "\(all)")
                #expect(all.output.last?.contains("  revoked: 20") == true, "\(all)")

                try await directory.run(["identity", "revoke", "--authority", "authority", "w9"])
                    .expectRefusal(naming: "\"w9\" is neither a name nor a serial number", "authority/issued.jsonl")
                try await directory.run(["identity", "revoke", "--authority", "w0", "w1"])
                    .expectRefusal(naming: "neither a name nor a serial number in w0/issued.jsonl")
                try await directory.run(["identity", "revoke", "--authority", "none", "w1"])
                    .expectRefusal(naming: "none is no authority's directory")
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
