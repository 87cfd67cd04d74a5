internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime
internal import LockstepWire

struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "The cluster's authority and the certificates of its members.",
        subcommands: [Create.self, Issue.self, Show.self, Revoke.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make the authority of a cluster.")

        @Option(help: "The cluster's name.")
        var cluster: String

        @Option(help: "Where to put the authority. Its key signs every identity: keep it off the workers.")
        var directory: String

        func run() throws {
            let authority = try Authority.create(cluster: cluster, directory: directory)
            StandardStreams.write("made the authority of cluster \(authority.cluster) in \(directory)")
        }
    }

    struct Issue: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Issue the identity of one member.")

        @Option(help: "The authority's directory.")
        var authority: String

        @Option(help: "coordinator, worker or operator.")
        var role: String

        @Option(help: "The member's name.")
        var name: String

        @Option(help: "Days until it expires.")
        var days: Int = 90

        @Option(help: "Where to put the identity: certificate.pem, key.pem, authority.pem.")
        var directory: String

        func run() throws {
            guard let role = PeerRole(rawValue: role) else {
                throw CommandError.usage("--role \(role.escapedForDisplay()): it is coordinator, worker or operator")
            }
            _ = try Authority(directory: authority).issue(role: role, name: name, days: days, into: directory)
            for line in try IdentityDescription(directory: directory).lines() { StandardStreams.write(line) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show whose identity lies in a directory, or what an authority has issued and revoked.")

        @Argument(help: "An identity's directory, or an authority's.")
        var directory: String

        @Option(
            help: ArgumentHelp(
                "A list of revoked certificates to look the identity up in. Default: denied.jsonl beside it, if there.",
                valueName: "file"))
        var denied: String?

        func run() throws {
            let lines =
                AuthorityRecords.isAuthority(directory)
                ? try AuthorityRecords(directory: directory).lines()
                : try IdentityDescription(directory: directory, denied: denied).lines()
            for line in lines { StandardStreams.write(line) }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put certificates on the authority's list of those that nobody accepts any more.",
            discussion: """
                A coordinator reads the list (--denied, or denied.jsonl in its identity's directory) again within a second \
                of a change, cuts off whoever is on it, and goes on without. A new identity of the same name is let in.
                """)

        @Option(help: "The authority's directory.")
        var authority: String

        @Option(help: "Why, for whoever reads the list.")
        var reason: String?

        @Argument(help: "A member's name, which stands for all its certificates so far, or a serial number.")
        var member: String

        func run() throws {
            let revocation = try AuthorityRecords(directory: authority).revoke(member, reason: reason)
            for certificate in revocation.revoked { StandardStreams.write("revoked \(certificate.subject)") }
            for certificate in revocation.revokedBefore {
                StandardStreams.write("\(certificate.subject) was revoked before")
            }
            StandardStreams.write("the list: \(revocation.path)")
            for line in revocation.damaged {
                StandardStreams.writeError("warning: \(revocation.path) \(line): it denies nobody; mend it")
            }
        }
    }
}
