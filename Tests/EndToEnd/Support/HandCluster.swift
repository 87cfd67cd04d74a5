import LockstepWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A cluster put together by hand, as over several machines: a coordinator and workers with identities of their own.
struct HandCluster {
    let directory: TestDirectory
    let authority: Authority

    /// Makes the identity `c0` in the directory, under an authority in memory or under this one.
    init(in directory: TestDirectory, authority: Authority? = nil) throws {
        self.directory = directory
        let authority = try authority ?? Authority(cluster: "demo")
        self.authority = authority
        _ = try authority.issue(role: .coordinator, name: "c0", into: directory["c0"])
    }

    struct Coordinator {
        let process: RunningProcess
        /// `HOST:PORT`, where it listens.
        let address: String

        var port: Int { address.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

        /// Waits until a coordinator listens.
        init(_ process: RunningProcess) async throws {
            let words = try await process.errorLine(containing: "listening on ").split(separator: " ")
            guard let word = words.firstIndex(of: "on"), word + 1 < words.endIndex else {
                throw Missing("an address in the line “listening on”:\n\(process)")
            }
            self.process = process
            address = String(words[word + 1])
        }
    }

    /// Starts the coordinator `c0` and waits until it listens.
    ///
    /// - Parameter listen: the address; any free port by default.
    func coordinator(
        job: String, workers: Int, _ options: [String] = [], listen: String = "127.0.0.1:0",
        environment: [String: String] = [:]
    ) async throws -> Coordinator {
        let arguments = [
            "coordinator", job, "--listen", listen, "--identity", "c0", "--workers", "\(workers)", "--json",
        ]
        return try await Coordinator(directory.start(arguments + options, environment: environment))
    }

    /// Makes the identity of a worker, unless it is there already.
    func issue(_ name: String, into identity: String? = nil) throws {
        let path = directory[identity ?? name]
        guard !FileManager.default.fileExists(atPath: path) else { return }
        _ = try authority.issue(role: .worker, name: name, into: path)
    }

    /// Starts a worker, with an identity of this cluster unless it has one already.
    ///
    /// - Parameter identity: the identity's directory, the worker's name by default.
    func worker(
        _ name: String, join: String, identity: String? = nil, _ options: String..., environment: [String: String] = [:]
    ) throws -> RunningProcess {
        let identity = identity ?? name
        try issue(name, into: identity)
        return directory.start(
            ["worker", "--join", join, "--identity", identity, "--threads", "1"] + options, environment: environment)
    }
}
