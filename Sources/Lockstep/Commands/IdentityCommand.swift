internal import ArgumentParser
internal import LockstepCore
internal import LockstepRuntime
internal import LockstepWire

struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "The cluster's authority and the certificates of its members.",
        subcommands: [Create.self, Issue.self, Show.self])

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
        static let configuration = CommandConfiguration(abstract: "Show whose identity lies in a directory.")

        @Argument(help: "An identity's directory.")
        var directory: String

        func run() throws {
            for line in try IdentityDescription(directory: directory).lines() { StandardStreams.write(line) }
        }
    }
}
