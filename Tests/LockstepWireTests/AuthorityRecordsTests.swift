import Foundation
import LockstepCore
import LockstepTestSupport
import LockstepWire
import LockstepWireTestSupport
import Testing

/// Revoking on disk, and reading the list again when it changes.
@Suite(.timeLimit(.minutes(Patience.minutesOfTest)), .ownThreads)
final class AuthorityRecordsTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "lockstep-records-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private var authority: String { directory + "/authority" }
    private var denied: String { directory + "/authority/denied.jsonl" }
    private var issued: String { directory + "/authority/issued.jsonl" }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func append(_ text: String, to path: String) throws {
        try (self.text(path) + text).write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func list() throws -> DenyList {
        let (list, damaged) = DenyList.read(Array(try text(denied).utf8))
        #expect(damaged.isEmpty)
        return list
    }

    private func certificate(_ identity: Identity) throws -> PeerCertificate { try TLSContexts(identity).certificate }

    private func revoke(_ wanted: String, reason: String? = nil) throws -> AuthorityRecords.Revocation {
        try AuthorityRecords(directory: authority).revoke(wanted, reason: reason)
    }

    @Test func byName() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let old = try certificate(made.issue(role: .worker, name: "w1"))
        let new = try certificate(made.issue(role: .worker, name: "w1"))
        let other = try certificate(made.issue(role: .worker, name: "w2"))
        let revocation = try revoke("w1", reason: "stolen\nlaptop")
        #expect(revocation.revoked.map(\.key) == [old.key, new.key])
        #expect(revocation.revokedBefore.isEmpty && revocation.damaged.isEmpty && revocation.path == denied)
        let list = try list()
        #expect(list.denies(old) && list.denies(new) && !list.denies(other))
        #expect(list.certificates.map(\.reason) == ["stolen\nlaptop", "stolen\nlaptop"])
        #expect(list.certificates.map(\.name) == ["lockstep://demo/worker/w1", "lockstep://demo/worker/w1"])
        #expect(try text(denied).split(separator: "\n").count == 2)
        let attributes = try FileManager.default.attributesOfItem(atPath: denied)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

        // Once more changes nothing, and what was issued since is another matter.
        let before = try text(denied)
        let again = try revoke("lockstep://demo/worker/w1")
        #expect(again.revoked.isEmpty && again.revokedBefore.count == 2)
        #expect(try text(denied) == before)
        let newest = try certificate(made.issue(role: .worker, name: "w1"))
        #expect(try !self.list().denies(newest))
        #expect(try revoke("w1").revoked.map(\.key) == [newest.key])
        #expect(try text(denied).hasPrefix(before))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: authority).sorted() == [
                "authority-key.pem", "authority.pem", "denied.jsonl", "issued.jsonl",
            ])
    }

    @Test func bySerial() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let first = try certificate(made.issue(role: .worker, name: "w1"))
        let second = try certificate(made.issue(role: .worker, name: "w1"))
        #expect(try revoke(second.serial.uppercased()).revoked.map(\.key) == [second.key])
        #expect(try list().denies(second) && !list().denies(first))
        // Of another tool: the serial number is all that is known.
        let foreign = try revoke("01:23:45:67:89:AB:CD:EF")
        #expect(foreign.revoked.map(\.subject) == ["serial 123456789abcdef"])
        #expect(try list().certificates.last?.key == nil)
    }

    @Test func twoRolesOfOneName() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let worker = try certificate(made.issue(role: .worker, name: "a"))
        let coordinator = try certificate(made.issue(role: .coordinator, name: "a"))
        let error = #expect(throws: CommandError.self) { try revoke("a") }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.contains("lockstep://demo/coordinator/a, lockstep://demo/worker/a") == true)
        #expect(try list().isEmpty)
        _ = try revoke("lockstep://demo/worker/a")
        #expect(try list().denies(worker) && !list().denies(coordinator))
    }

    @Test(arguments: ["w2", "", "abc", "lockstep://demo/worker/w2", "../w1", "w1 "])
    func nobody(_ wanted: String) throws {
        _ = try Authority.create(cluster: "demo", directory: authority).issue(role: .worker, name: "w1")
        let error = #expect(throws: CommandError.self) { try revoke(wanted) }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.contains("is neither a name nor a serial number in") == true)
        #expect(try list().isEmpty)
    }

    @Test func noAuthority() {
        let error = #expect(throws: CommandError.self) { try AuthorityRecords(directory: directory) }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.contains("is no authority's directory") == true)
    }

    /// A name could stand for more than can be read; a serial number cannot.
    @Test func damagedIssued() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let first = try certificate(made.issue(role: .worker, name: "w1"))
        try append("{\"name\":\"lockstep://demo/work\n", to: issued)
        let error = #expect(throws: CommandError.self) { try revoke("w1") }
        #expect(error?.message.contains("issued.jsonl line 2: no record of a certificate") == true)
        #expect(try revoke(first.serial).revoked.map(\.key) == [first.key])
    }

    /// What a crash or an editor left behind is kept, named, and swallows no line.
    @Test func damagedDenied() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let first = try certificate(made.issue(role: .worker, name: "w1"))
        try append("{\"serial\":\"12", to: denied)
        let revocation = try revoke("w1")
        #expect(revocation.damaged.map(\.number) == [1])
        let (list, damaged) = DenyList.read(Array(try text(denied).utf8))
        #expect(list.denies(first))
        #expect(damaged.map(\.number) == [1])
        #expect(try text(denied).hasPrefix("{\"serial\":\"12\n"))
    }

    /// An authority of another tool has neither list.
    @Test func withoutLists() throws {
        _ = try Authority.create(cluster: "demo", directory: authority)
        try FileManager.default.removeItem(atPath: denied)
        try FileManager.default.removeItem(atPath: issued)
        _ = try revoke("0123456789abcdef")
        #expect(try list().certificates.count == 1)
    }

    /// Nothing is lost, and who reads meanwhile sees whole lines only.
    @Test func manyAtOnce() async throws {
        _ = try Authority.create(cluster: "demo", directory: authority)
        let (authority, denied) = (authority, denied)
        // Threads: while one waits for the disk, another goes on.
        let writers = (0..<4).map { writer in
            Thread.detachedResult {
                for number in 0..<6 {
                    let serial = String(0x1_0000_0000 + writer * 6 + number, radix: 16)
                    do {
                        _ = try AuthorityRecords(directory: authority).revoke(serial)
                    } catch {
                        return "\(error)"
                    }
                    let bytes = FileManager.default.contents(atPath: denied).map { Array($0) } ?? []
                    let (list, damaged) = DenyList.read(bytes)
                    guard damaged.isEmpty, list.certificates.contains(where: { $0.serial == serial }) else {
                        return "\(serial) is not there: \(damaged)"
                    }
                }
                return ""
            }
        }
        for writer in writers { #expect(await writer.first { _ in true } == "") }
        #expect(try list().certificates.count == 24)
    }

    @Test func shown() throws {
        let made = try Authority.create(cluster: "demo", directory: authority)
        let worker = try made.issue(role: .worker, name: "w1", into: directory + "/w1")
        _ = try made.issue(role: .worker, name: "w2")
        #expect(try IdentityDescription(directory: directory + "/w1").lines().allSatisfy { !$0.hasPrefix("revoked") })
        let before = try IdentityDescription(directory: directory + "/w1", denied: denied).lines()
        #expect(before.last == "revoked: no, says \(denied)")
        _ = try AuthorityRecords(directory: authority).revoke(
            "w1", reason: "\u{1B}[31mstolen", now: Date(timeIntervalSince1970: 1_800_000_000))
        let after = try IdentityDescription(directory: directory + "/w1", denied: denied).lines()
        let words = #"2027-01-15T08:00:00Z (\u{1b}[31mstolen)"#
        #expect(after.last == "revoked: \(words), says \(denied)")
        // A coordinator's identity may have the list beside it.
        try FileManager.default.copyItem(atPath: denied, toPath: directory + "/w1/denied.jsonl")
        #expect(
            try IdentityDescription(directory: directory + "/w1").lines().last
                == "revoked: \(words), says \(directory)/w1/denied.jsonl")
        let lines = try AuthorityRecords(directory: authority).lines()
        let serial = try certificate(worker).serial
        #expect(lines.count == 2)
        #expect(lines.first == "lockstep://demo/worker/w1  \(serial)  revoked: \(words)")
        #expect(lines.last?.hasPrefix("lockstep://demo/worker/w2  ") == true)
        #expect(lines.last?.contains("  valid to 20") == true)
    }

    // MARK: Changes

    @Test func changes() throws {
        let path = directory + "/list"
        var file = DenyListFile(path: path)
        #expect(file.change() == .missing)
        #expect(file.change() == nil)
        try #"{"serial":"1"}"#.write(toFile: path, atomically: true, encoding: .utf8)
        guard case .read(let first, []) = file.change() else {
            Issue.record("not read")
            return
        }
        #expect(first.fingerprints == ["serial:1"])
        #expect(file.change() == nil)
        try append("\n{\"serial\":\"2\"}\nx", to: path)
        guard case .read(let second, let damaged) = file.change() else {
            Issue.record("not read again")
            return
        }
        #expect(second.fingerprints == ["serial:1", "serial:2"])
        #expect(damaged.map(\.number) == [3])
        // Of the same size, under the same name.
        let size = try text(path).utf8.count
        try String(repeating: " ", count: size).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(file.change() == .read(DenyList(), damaged: []))
        try FileManager.default.removeItem(atPath: path)
        #expect(file.change() == .missing)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard case .unreadable(let reason) = file.change() else {
            Issue.record("a directory was read")
            return
        }
        #expect(reason.hasPrefix("\(path) cannot be read"))
        #expect(file.change() == nil)
    }
}

extension Thread {
    /// Runs `body` on a thread of its own, which starts at once.
    fileprivate static func detachedResult(_ body: @escaping @Sendable () -> String) -> AsyncStream<String> {
        let (result, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            continuation.yield(body())
            continuation.finish()
        }
        return result
    }
}
