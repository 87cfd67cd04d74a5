package import LockstepCore

/// What a peer is. Part of its certificate's name, checked on both sides of every connection.
package enum PeerRole: String, Sendable, Hashable, Codable, CaseIterable {
    case coordinator
    case worker
    case `operator`
}

/// Who a peer is: the one URI in its certificate, `lockstep://<cluster>/<role>/<name>`.
///
/// Cluster and name have 1 to 63 characters of `a-z 0-9 . _ -` and start with a letter or a digit, so that they are
/// safe in paths and logs.
package struct PeerName: Sendable, Hashable, Codable, CustomStringConvertible {
    package let cluster: String
    package let role: PeerRole
    package let name: String

    /// - Throws: `CommandError` (usage) when `cluster` or `name` is not a valid label.
    package init(cluster: String, role: PeerRole, name: String) throws(CommandError) {
        for (what, label) in [("cluster", cluster), ("name", name)] where !PeerName.isLabel(label) {
            throw .usage(
                "\"\(label.escapedForDisplay(limit: 80))\" cannot be a \(what): use 1 to 63 of a-z, 0-9, '.', '_', '-', "
                    + "with a letter or digit first"
            )
        }
        self.cluster = cluster
        self.role = role
        self.name = name
    }

    /// Reads `lockstep://<cluster>/<role>/<name>`; nil for anything else, with no normalisation of any kind.
    package init?(uri: String) {
        let prefix = "lockstep://"
        // Compared as UTF-8: two texts that differ in bytes are never the same name.
        guard uri.utf8.starts(with: prefix.utf8), uri.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let parts = uri.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let role = PeerRole(rawValue: parts[1]),
            PeerName.isLabel(parts[0]), PeerName.isLabel(parts[2])
        else { return nil }
        self.cluster = parts[0]
        self.role = role
        self.name = parts[2]
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let name = PeerName(uri: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a lockstep:// name")
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { "lockstep://\(cluster)/\(role.rawValue)/\(name)" }

    package static func isLabel(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 63, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy {
            isLetterOrDigit($0) || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0)
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
