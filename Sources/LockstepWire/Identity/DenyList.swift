internal import LockstepCore

/// Certificates that nobody accepts any more. A certificate is denied where its serial number or its key is in the list,
/// so that a new certificate for a stolen key is denied too.
package struct DenyList: Sendable, Equatable {
    /// A line that says nothing that could be obeyed.
    package struct DamagedLine: Sendable, Equatable, CustomStringConvertible {
        /// From 1.
        package let number: Int
        package let reason: String

        package var description: String { "line \(number): \(reason)" }
    }

    /// In the order of the file.
    package private(set) var certificates: [DeniedCertificate] = []
    // Only ever asked whether they contain something.
    private var serials: Set<String> = []
    private var keys: Set<Digest> = []

    package init() {}

    /// The good lines of a `denied.jsonl`, whatever else is in it, and those that are damaged.
    package static func read(_ bytes: [UInt8]) -> (list: DenyList, damaged: [DamagedLine]) {
        var list = DenyList()
        var damaged: [DamagedLine] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.allSatisfy(isSpace) {
            do throws(DeniedCertificate.Damage) {
                list.insert(try DeniedCertificate(line: line))
            } catch {
                damaged.append(DamagedLine(number: index + 1, reason: error.reason))
            }
        }
        return (list, damaged)
    }

    /// Reads what `fingerprints` wrote; anything else among them denies nothing.
    package init(fingerprints: [String]) {
        for fingerprint in fingerprints {
            if fingerprint.hasPrefix(DenyList.serialMark) {
                guard
                    let serial = DeniedCertificate.normalized(
                        serial: String(fingerprint.dropFirst(DenyList.serialMark.count)))
                else { continue }
                insert(DeniedCertificate(serial: serial, key: nil))
            } else if fingerprint.hasPrefix(DenyList.keyMark) {
                guard let key = Digest(hexadecimal: String(fingerprint.dropFirst(DenyList.keyMark.count))) else {
                    continue
                }
                insert(DeniedCertificate(serial: nil, key: key))
            }
        }
    }

    /// The list as rosters carry it, at most 1,000 certificates, the newest: members need no more, since the coordinator
    /// lets nobody in who is denied.
    package var fingerprints: [String] {
        certificates.suffix(DenyList.mostThatTravel).flatMap { certificate in
            [certificate.serial.map { DenyList.serialMark + $0 }, certificate.key.map { "\(DenyList.keyMark)\($0)" }]
                .compactMap { $0 }
        }
    }

    package var isEmpty: Bool { certificates.isEmpty }

    package func denies(_ certificate: PeerCertificate) -> Bool {
        keys.contains(certificate.key) || contains(serial: certificate.serial)
    }

    /// The line that denies a certificate.
    func reason(toDeny certificate: PeerCertificate) -> DeniedCertificate? {
        entry(serial: certificate.serial, key: certificate.key)
    }

    /// The line that denies a certificate.
    func reason(toDeny certificate: IssuedCertificate) -> DeniedCertificate? {
        entry(serial: certificate.serial, key: certificate.key)
    }

    private func entry(serial: String, key: Digest) -> DeniedCertificate? {
        let serial = DeniedCertificate.normalized(serial: serial)
        return certificates.first { $0.key == key || ($0.serial != nil && $0.serial == serial) }
    }

    /// Whether all that `certificate` denies is denied already.
    func covers(_ certificate: DeniedCertificate) -> Bool {
        certificate.serial.map(serials.contains) ?? true && certificate.key.map(keys.contains) ?? true
    }

    mutating func insert(_ certificate: DeniedCertificate) {
        guard !covers(certificate) else { return }
        certificates.append(certificate)
        if let serial = certificate.serial { serials.insert(serial) }
        if let key = certificate.key { keys.insert(key) }
    }

    package mutating func formUnion(_ other: DenyList) {
        for certificate in other.certificates { insert(certificate) }
    }

    private func contains(serial: String) -> Bool {
        DeniedCertificate.normalized(serial: serial).map(serials.contains) ?? false
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static let serialMark = "serial:"
    private static let keyMark = "key:"
    private static let mostThatTravel = 1000
}
