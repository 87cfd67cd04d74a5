package import LockstepCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What an authority has issued and revoked: `issued.jsonl` and `denied.jsonl` of its directory. Needs no key.
package struct AuthorityRecords: Sendable {
    /// What a revocation did.
    package struct Revocation: Sendable {
        /// Written now.
        package let revoked: [DeniedCertificate]
        /// Asked for, but in the list already.
        package let revokedBefore: [DeniedCertificate]
        /// Lines of the list that deny nobody, for they cannot be read.
        package let damaged: [DenyList.DamagedLine]
        /// Where the list is, as it is shown.
        package let path: String
    }

    private let directory: String
    private let paths: AuthorityPaths

    /// - Throws: `CommandError` (usage) where `directory` holds no authority.
    package init(directory: String) throws(CommandError) {
        paths = AuthorityPaths(directory)
        self.directory = directory
        guard PrivateFiles.exists(paths.certificate) else {
            throw .usage(
                "\(PrivateFiles.shown(directory)) is no authority's directory: it has no authority.pem; "
                    + "`lockstep identity create` makes one")
        }
    }

    /// Adds certificates to `denied.jsonl`: the whole file is replaced at once, and lines that are there stay as they are.
    ///
    /// - Parameters:
    ///   - wanted: a name (`w1`, or `lockstep://demo/worker/w1` where several roles have it), which stands for all
    ///     certificates that were issued to it so far; or a serial number, also of a certificate of another tool.
    ///   - reason: kept for people; shown by `lockstep identity show`.
    /// - Throws: `CommandError` (usage).
    package func revoke(
        _ wanted: String, reason: String? = nil, now: Date = Date()
    ) throws(CommandError) -> Revocation {
        if let reason, reason.utf8.count > 500 { throw .usage("--reason is longer than 500 bytes: shorten it") }
        let time = PeerCertificate.shown(now)
        let denied = try find(wanted).map {
            DeniedCertificate(serial: $0.serial, key: $0.key, name: $0.name, reason: reason, revokedAt: time)
        }
        return try PrivateFiles.withLock(on: directory) { () throws(CommandError) in
            var bytes = PrivateFiles.exists(paths.denied) ? try PrivateFiles.readBytes(paths.denied) : []
            var (list, damaged) = DenyList.read(bytes)
            var revoked: [DeniedCertificate] = []
            var revokedBefore: [DeniedCertificate] = []
            for certificate in denied {
                guard !list.covers(certificate) else {
                    revokedBefore.append(certificate)
                    continue
                }
                // A line that was never finished must not swallow this one.
                if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
                bytes += Array(try certificate.line().utf8) + [UInt8(ascii: "\n")]
                list.insert(certificate)
                revoked.append(certificate)
            }
            guard bytes.count <= PrivateFiles.largestFile else {
                throw .usage(
                    "\(PrivateFiles.shown(paths.denied)) would grow beyond 1 MiB: remove certificates that have expired, "
                        + "or make a new authority")
            }
            if !revoked.isEmpty { try PrivateFiles.replace(paths.denied, bytes, mode: 0o600) }
            return Revocation(
                revoked: revoked, revokedBefore: revokedBefore, damaged: damaged,
                path: PrivateFiles.shown(paths.denied))
        }
    }

    package static func isAuthority(_ directory: String) -> Bool {
        let paths = AuthorityPaths(directory)
        return PrivateFiles.exists(paths.certificate)
            && (PrivateFiles.exists(paths.key) || PrivateFiles.exists(paths.issued))
    }

    /// What `lockstep identity show` tells of an authority: a line for each certificate that was issued.
    package func lines(now: Date = Date()) throws(CommandError) -> [String] {
        let (issued, damagedIssued) = try self.issued()
        let (list, damagedDenied) = DenyList.read(
            PrivateFiles.exists(paths.denied) ? try PrivateFiles.readBytes(paths.denied) : [])
        let today = PeerCertificate.shown(now)
        return issued.map { certificate in
            let state =
                if let entry = list.reason(toDeny: certificate) {
                    "revoked: \(entry.shown)"
                } else if certificate.notAfter < today {
                    // Times of one form and zone are ordered like their texts.
                    "expired on \(certificate.notAfter.escapedForDisplay(limit: 40))"
                } else {
                    "valid to \(certificate.notAfter.escapedForDisplay(limit: 40))"
                }
            return "\(certificate.name)  \(certificate.serial.escapedForDisplay(limit: 128))  \(state)"
        } + damagedIssued.map { "\(PrivateFiles.shown(paths.issued)) \($0)" }
            + damagedDenied.map { "\(PrivateFiles.shown(paths.denied)) \($0)" }
    }

    /// The certificates that `wanted` stands for.
    private func find(_ wanted: String) throws(CommandError) -> [DeniedCertificate] {
        let shown = wanted.escapedForDisplay(limit: 120)
        let (issued, damaged) = try self.issued()
        let named = issued.filter { $0.name.name == wanted || $0.name.description == wanted }
        let roles = Set(named.map(\.name.role))
        guard roles.count <= 1 else {
            let names = Set(named.map(\.name.description)).sorted()
            throw .usage("\"\(shown)\" is the name of several: say which: \(names.joined(separator: ", "))")
        }
        let serial = DeniedCertificate.normalized(serial: wanted)
        let numbered = named.isEmpty ? issued.filter { DeniedCertificate.normalized(serial: $0.serial) == serial } : []
        // A serial number names one certificate, whatever else is in the file.
        if !numbered.isEmpty { return numbered.map(DeniedCertificate.init) }
        guard damaged.isEmpty else {
            throw .usage(
                "\(PrivateFiles.shown(paths.issued)) \(damaged[0]): so not all certificates of \"\(shown)\" are known; "
                    + "mend the line, or revoke by serial number")
        }
        if !named.isEmpty { return named.map(DeniedCertificate.init) }
        // Any name of hexadecimal digits could be meant as one: real serial numbers are long.
        if let serial, serial.utf8.count >= AuthorityRecords.fewestDigits {
            return [DeniedCertificate(serial: serial, key: nil)]
        }
        throw .usage(
            "\"\(shown)\" is neither a name nor a serial number in \(PrivateFiles.shown(paths.issued)); "
                + "`lockstep identity show \(PrivateFiles.shown(directory))` shows them")
    }

    /// All certificates that were issued, and the lines that cannot be read.
    private func issued() throws(CommandError) -> ([IssuedCertificate], damaged: [DenyList.DamagedLine]) {
        guard PrivateFiles.exists(paths.issued) else { return ([], []) }
        var issued: [IssuedCertificate] = []
        var damaged: [DenyList.DamagedLine] = []
        let lines = try PrivateFiles.readBytes(paths.issued).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            if let certificate = try? JSONDecoder().decode(IssuedCertificate.self, from: Data(line)) {
                issued.append(certificate)
            } else {
                damaged.append(DenyList.DamagedLine(number: index + 1, reason: "no record of a certificate"))
            }
        }
        return (issued, damaged)
    }

    /// Of a serial number that this authority has no record of.
    private static let fewestDigits = 8
}

extension DeniedCertificate {
    fileprivate init(_ issued: IssuedCertificate) {
        self.init(
            serial: DeniedCertificate.normalized(serial: issued.serial), key: issued.key,
            name: issued.name.description)
    }
}
