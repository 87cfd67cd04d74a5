package import LockstepCore
package import NIOCore

/// A host and a port as users write them: `127.0.0.1:7070`, `node3:7070`, `[::1]:7070`.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Parameter option: the option that `text` was given to, for the message.
    /// - Throws: `CommandError` (usage) when `text` is not `HOST:PORT`.
    package init(_ text: String, option: String) throws(CommandError) {
        let wrong = CommandError.usage(
            "\(option) \"\(text.escapedForDisplay(limit: 100))\" is no address: write HOST:PORT, say 127.0.0.1:7070 or [::1]:7070"
        )
        guard let colon = text.lastIndex(of: ":") else { throw wrong }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw wrong
        }
        guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
            !digits.isEmpty, digits.utf8.count <= 5,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(digits), port <= 65535
        else { throw wrong }
        self.init(host: String(host), port: port)
    }

    /// The address of one end of a connection; nil for one that is not of the Internet.
    package init?(_ address: SocketAddress?) {
        guard let address, let host = address.ipAddress, let port = address.port else { return nil }
        self.init(host: host, port: port)
    }

    package var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" || host.hasPrefix("::ffff:127.") }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
