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

    /// Makes the authority and the identity `c0` in the directory.
    init(in directory: TestDirectory) throws {
        self.directory = directory
        authority = try Authority(cluster: "demo")
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
    func coordinator(job: String, workers: Int, _ options: [String] = []) async throws -> Coordinator {
        let arguments = [
            "coordinator", job, "--listen", "127.0.0.1:0", "--identity", "c0", "--workers", "\(workers)", "--json",
        ]
        return try await Coordinator(directory.start(arguments + options))
    }

    /// Starts a worker, with an identity of this cluster unless it has one already.
    ///
    /// - Parameter identity: the identity's directory, the worker's name by default.
    func worker(
        _ name: String, join: String, identity: String? = nil, _ options: String..., environment: [String: String] = [:]
    ) throws -> RunningProcess {
        let identity = identity ?? name
        if !FileManager.default.fileExists(atPath: directory[identity]) {
            _ = try authority.issue(role: .worker, name: name, into: directory[identity])
        }
        return directory.start(
            ["worker", "--join", join, "--identity", identity, "--threads", "1"] + options, environment: environment)
    }
}
