#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Hosts of their own on this machine: network namespaces on one switch, where the system lets this process make them.
/// Packets between them can be dropped without a word to either end, also in one direction.
struct HostNetwork: Sendable {
    private static let tool = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private let prefix: String
    let hosts: [String]

    /// Runs `body` with such a network, and removes it afterwards. Does nothing where the system does not allow it.
    static func with(_ hosts: [String], _ body: (HostNetwork) async throws -> Void) async throws {
        guard tool != nil else { return }
        let network = HostNetwork(prefix: "lk\(UInt32.random(in: 0...0xffff))", hosts: hosts)
        guard await network.isMade() else { return await network.remove() }
        do {
            try await body(network)
        } catch {
            await network.remove()
            throw error
        }
        await network.remove()
    }

    private init(prefix: String, hosts: [String]) {
        self.prefix = prefix
        self.hosts = hosts
    }

    func address(of host: String) -> String { "10.213.7.\((hosts.firstIndex(of: host) ?? 0) + 1)" }

    /// Starts `lockstep` on a host.
    func start(
        _ arguments: [String], on host: String, in directory: TestDirectory, environment: [String: String] = [:]
    ) -> RunningProcess {
        RunningProcess(
            ["netns", "exec", name(host), ExecutablePath.lockstep] + arguments, in: directory.path,
            environment: environment, executable: HostNetwork.tool ?? "")
    }

    /// From now on no packet of `host` reaches `other`.
    func drop(from host: String, to other: String) async throws {
        // An address that nobody has.
        try await change(
            "-n", name(host), "neighbour", "replace", address(of: other), "lladdr", "02:00:00:00:00:fe", "dev", "eth0",
            "nud", "permanent")
    }

    /// Packets of `host` reach `other` again.
    func mend(from host: String, to other: String) async throws {
        try await change("-n", name(host), "neighbour", "delete", address(of: other), "dev", "eth0")
    }

    /// From now on no packet leaves or reaches the host, or does again.
    func plug(_ host: String, isIn: Bool) async throws {
        try await change("-n", name("switch"), "link", "set", "dev", host, isIn ? "up" : "down")
    }

    private func name(_ host: String) -> String { "\(prefix)-\(host)" }

    private func isMade() async -> Bool {
        do {
            try await change("netns", "add", name("switch"))
            try await change("-n", name("switch"), "link", "add", "switch", "type", "bridge")
            try await change("-n", name("switch"), "link", "set", "dev", "switch", "up")
            for host in hosts {
                try await change("netns", "add", name(host))
                try await change(
                    "link", "add", "eth0", "netns", name(host), "type", "veth", "peer", "name", host, "netns",
                    name("switch"))
                try await change("-n", name("switch"), "link", "set", "dev", host, "master", "switch", "up")
                try await change("-n", name(host), "address", "add", address(of: host) + "/24", "dev", "eth0")
                try await change("-n", name(host), "link", "set", "dev", "eth0", "up")
                try await change("-n", name(host), "link", "set", "dev", "lo", "up")
            }
            return true
        } catch {
            return false
        }
    }

    private func remove() async {
        for host in hosts + ["switch"] { try? await change("netns", "delete", name(host)) }
    }

    private func change(_ words: String...) async throws {
        let process = RunningProcess(words, in: "/", executable: HostNetwork.tool ?? "")
        let outcome = try await process.outcome()
        guard outcome.end == .exited(0) else { throw Missing("ip \(words.joined(separator: " ")):\n\(outcome)") }
    }
}
