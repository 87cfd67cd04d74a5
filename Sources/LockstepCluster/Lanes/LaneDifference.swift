internal import LockstepCore

/// That two members computed a lane of a step differently. A worker that is neither adds its own voice.
package struct LaneDifference: Sendable, Equatable {
    package struct Voice: Sendable, Equatable {
        package let name: String
        package let hash: UInt64

        package init(name: String, hash: UInt64) {
            self.name = name
            self.hash = hash
        }
    }

    package let lane: Int
    /// First the owner's, then the auditor's, then that of the worker that says so, where it is neither.
    package var voices: [Voice]

    package init(lane: Int, voices: [Voice]) {
        self.lane = lane
        self.voices = voices
    }

    /// Whether the worker has no voice yet.
    func lacks(_ name: String) -> Bool { !voices.contains { $0.name == name } }
}

extension LaneDifference: Codable {
    private enum Key: String, CodingKey { case lane, hashes }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        lane = try container.decode(Int.self, forKey: .lane)
        voices = try container.decode([Voice].self, forKey: .hashes)
        guard (2...3).contains(voices.count) else {
            throw DecodingError.dataCorruptedError(
                forKey: .hashes, in: container, debugDescription: "\(voices.count) hashes of a lane")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(lane, forKey: .lane)
        try container.encode(voices, forKey: .hashes)
    }
}

/// The hash in JSON as 16 hexadecimal digits.
extension LaneDifference.Voice: Codable {
    private enum Key: String, CodingKey { case name, hash }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        name = try container.decode(String.self, forKey: .name)
        guard let hash = UInt64(sixteenDigits: try container.decode(String.self, forKey: .hash)) else {
            throw DecodingError.dataCorruptedError(
                forKey: .hash, in: container, debugDescription: "not 16 hexadecimal digits")
        }
        self.hash = hash
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(hash.sixteenDigits, forKey: .hash)
    }
}
