/// A worker's process, and where it can be dialled.
package struct WorkerAddress: Sendable, Hashable, Codable {
    package let name: String
    package let process: ProcessNumber
    package let host: String
    /// Of its data listeners: one for each rail that it offers.
    package let ports: [Int]

    package init(name: String, process: ProcessNumber, host: String, ports: [Int]) {
        self.name = name
        self.process = process
        self.host = host
        self.ports = ports
    }

    private enum Key: String, CodingKey {
        case name, process, host, ports
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        process = try container.decode(ProcessNumber.self, forKey: .process)
        host = try container.decode(String.self, forKey: .host)
        ports = try container.decode([Int].self, forKey: .ports)
        guard !ports.isEmpty, ports.allSatisfy((1...65_535).contains) else {
            throw DecodingError.dataCorruptedError(forKey: .ports, in: container, debugDescription: "ports \(ports)")
        }
    }
}

extension Roster.Member {
    package var address: WorkerAddress { WorkerAddress(name: name, process: process, host: host, ports: ports) }
}
