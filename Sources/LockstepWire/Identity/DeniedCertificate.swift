package import LockstepCore

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One line of `denied.jsonl`: certificates that are accepted no more, by serial number, by key, or by both.
package struct DeniedCertificate: Sendable, Hashable {
    /// As `normalized(serial:)` gives it.
    package let serial: String?
    /// SHA-256 of the public key, as in `issued.jsonl`.
    package let key: Digest?
    /// Whose it was. This and what follows is for people: nothing is judged by it.
    package let name: String?
    package let reason: String?
    /// `2026-05-01T12:00:00Z`.
    package let revokedAt: String?

    /// - Parameter serial: normalised.
    init(serial: String?, key: Digest?, name: String? = nil, reason: String? = nil, revokedAt: String? = nil) {
        self.serial = serial
        self.key = key
        self.name = name
        self.reason = reason
        self.revokedAt = revokedAt
    }

    /// The one spelling of a serial number: lower-case hexadecimal digits without leading zeros.
    ///
    /// - Parameter serial: hexadecimal digits as tools print them: upper case, colons and leading zeros are all right.
    /// - Returns: nil for anything else, and for more than 64 bytes.
    package static func normalized(serial: String) -> String? {
        var digits: [UInt8] = []
        for byte in serial.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digits.append(byte | 0x20)
            case UInt8(ascii: ":") where !digits.isEmpty: continue
            default: return nil
            }
        }
        guard (1...128).contains(digits.count) else { return nil }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        return significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
    }

    /// Whose it was, and its number.
    package var subject: String {
        let number = serial.map { "serial \($0)" } ?? "a key"
        return name.map { "\($0.escapedForDisplay(limit: 200)), \(number)" } ?? number
    }

    /// When and why, for people.
    package var shown: String {
        let time = revokedAt.map { $0.escapedForDisplay(limit: 40) } ?? "yes"
        return reason.map { "\(time) (\($0.escapedForDisplay(limit: 500)))" } ?? time
    }

    // MARK: Lines

    /// Why a line says nothing that could be obeyed.
    struct Damage: Error {
        let reason: String
    }

    static let longestLine = 4096

    private struct Line: Codable {
        var serial: String?
        var key: String?
        var name: String?
        var reason: String?
        var revokedAt: String?
    }

    /// Reads a line, without its end. Keys that are not known are left to later versions.
    init(line: some Collection<UInt8>) throws(Damage) {
        guard line.count <= DeniedCertificate.longestLine else {
            throw Damage(reason: "longer than \(DeniedCertificate.longestLine) bytes")
        }
        guard let read = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
            throw Damage(reason: "no JSON object of texts")
        }
        if let text = read.serial {
            guard let serial = DeniedCertificate.normalized(serial: text) else {
                throw Damage(reason: "\"serial\" is no hexadecimal number")
            }
            self.serial = serial
        } else {
            serial = nil
        }
        if let text = read.key {
            guard let key = Digest(hexadecimal: text) else {
                throw Damage(reason: "\"key\" is no SHA-256 in lower-case hexadecimal digits")
            }
            self.key = key
        } else {
            key = nil
        }
        guard serial != nil || key != nil else { throw Damage(reason: "neither \"serial\" nor \"key\"") }
        name = read.name
        reason = read.reason
        revokedAt = read.revokedAt
    }

    /// The line, without its end.
    func line() throws(CommandError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = Line(serial: serial, key: key?.description, name: name, reason: reason, revokedAt: revokedAt)
        do {
            return String(decoding: try encoder.encode(line), as: UTF8.self)
        } catch {
            throw .failed("the record of a revocation cannot be written: \("\(error)".escapedForDisplay())")
        }
    }
}
