import Crypto
import LockstepCore
import LockstepTestSupport
import LockstepWire
import Testing
import X509

/// The list of denied certificates as a value.
@Suite struct DenyListTests {
    private static let worker = "lockstep://demo/worker/w0"

    private func certificate(_ shape: TestAuthority.Shape = .init(worker)) throws -> PeerCertificate {
        try TLSContexts(TestAuthority().identity(shape)).certificate
    }

    private func list(_ lines: String...) -> DenyList {
        let (list, damaged) = DenyList.read(Array(lines.joined(separator: "\n").utf8))
        #expect(damaged.isEmpty)
        return list
    }

    @Test func bySerialAndByKey() throws {
        let denied = try certificate()
        let other = try certificate()
        for line in [
            #"{"serial":"\#(denied.serial)"}"#, #"{"key":"\#(denied.key)"}"#,
            #"{"name":"\#(denied.name)","reason":"lost","key":"\#(denied.key)","serial":"\#(denied.serial)"}"#,
        ] {
            let list = list(line)
            #expect(list.denies(denied), "\(line)")
            // Of the same name, and that is nothing.
            #expect(!list.denies(other), "\(line)")
            #expect(!DenyList().denies(denied))
        }
    }

    @Test func aNewCertificateForAStolenKey() throws {
        var shape = TestAuthority.Shape(DenyListTests.worker)
        shape.key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let (first, second) = (try certificate(shape), try certificate(shape))
        #expect(first.serial != second.serial && first.key == second.key)
        #expect(list(#"{"serial":"\#(first.serial)","key":"\#(first.key)"}"#).denies(second))
        #expect(!list(#"{"serial":"\#(first.serial)"}"#).denies(second))
    }

    @Test(arguments: [
        ("0A:bc:00", "abc00"), ("00", "0"), ("7", "7"), ("0x7", nil), ("", nil), (":7", nil), ("7 ", nil), ("g", nil),
        (String(repeating: "f", count: 129), nil), ("\u{FF11}", nil),
    ])
    func serials(_ text: String, _ normalized: String?) {
        #expect(DeniedCertificate.normalized(serial: text) == normalized)
    }

    @Test func serialsAsToolsPrintThem() throws {
        let denied = try certificate()
        var pairs = ""
        for (index, digit) in denied.serial.uppercased().enumerated() {
            pairs += index > 0 && index % 2 == 0 ? ":\(digit)" : "\(digit)"
        }
        #expect(list(#"{"serial":"00\#(pairs)"}"#).denies(denied))
    }

    /// What is damaged is named by its line, and the others hold.
    @Test func damagedLines() throws {
        let denied = try certificate()
        let key = String(repeating: "0", count: 64)
        let text = """
            {"serial":"\(denied.serial)"}\r
            nonsense

            {"name":"w1"}
            {"serial":"12 34"}
            {"key":"\(key.dropLast())"}
            {"serial":17}
            \(#"{"serial":"1","reason":""# + String(repeating: "x", count: 4096) + #""}"#)
              \t
            {"serial":"1","key":"\(key.uppercased().dropLast())A"}
            {"key":"\(key)","later":[1]}
            {"serial":"abcd
            """
        let (list, damaged) = DenyList.read(Array(text.utf8))
        #expect(list.denies(denied))
        #expect(list.certificates.map(\.serial) == [DeniedCertificate.normalized(serial: denied.serial), nil])
        #expect(list.certificates.map(\.key) == [nil, Digest(hexadecimal: key)])
        #expect(
            damaged.map(\.description) == [
                "line 2: no JSON object of texts", #"line 4: neither "serial" nor "key""#,
                #"line 5: "serial" is no hexadecimal number"#,
                #"line 6: "key" is no SHA-256 in lower-case hexadecimal digits"#, "line 7: no JSON object of texts",
                "line 8: longer than 4096 bytes", #"line 10: "key" is no SHA-256 in lower-case hexadecimal digits"#,
                "line 12: no JSON object of texts",
            ])
    }

    @Test func union() throws {
        let (first, second) = (try certificate(), try certificate())
        let both = list(#"{"serial":"\#(first.serial)","key":"\#(first.key)"}"#)
        var union = both
        union.formUnion(list(#"{"serial":"\#(second.serial)"}"#, #"{"key":"\#(first.key)"}"#))
        #expect(union.denies(first) && union.denies(second) && !both.denies(second))
        // What it says already is not said twice.
        #expect(union.certificates.count == 2)
    }

    @Test func inRosters() throws {
        let denied = try certificate()
        let list = list(#"{"serial":"\#(denied.serial)"}"#, #"{"key":"\#(String(repeating: "5", count: 64))"}"#)
        let serial = try #require(DeniedCertificate.normalized(serial: denied.serial))
        #expect(list.fingerprints == ["serial:\(serial)", "key:\(String(repeating: "5", count: 64))"])
        let read = DenyList(fingerprints: list.fingerprints)
        #expect(read.denies(denied))
        #expect(read.fingerprints == list.fingerprints)
        #expect(DenyList(fingerprints: ["", "serial:", "key:12", "serial:g", denied.serial, "name:w0"]).isEmpty)
    }

    @Test func theNewestTravel() {
        let lines = (1...1005).map { #"{"serial":"\#(String($0, radix: 16))"}"# }
        let fingerprints = DenyList.read(Array(lines.joined(separator: "\n").utf8)).list.fingerprints
        #expect(fingerprints.count == 1000)
        #expect(fingerprints.first == "serial:6" && fingerprints.last == "serial:3ed")
    }

    private struct Damaged: Error {}

    /// Whatever stands before a good line, the line holds; and what rosters carry denies the same.
    @Test func fuzz() throws {
        let denied = try certificate()
        let good = Array((#"{"serial":"\#(denied.serial)"}"# + "\n").utf8)
        let key = String(repeating: "a1", count: 32)
        let samples = [
            #"{"key":"\#(key)","name":"lockstep://demo/worker/w1","reason":"lost","revokedAt":"2026-01-01T00:00:00Z","serial":"01ab"}"#
                + "\n" + #"{"serial":"0F:3C"}"# + "\n",
            "{\"key\":\"\(key)\"}\r\n\r\n{\"serial\":\"7\"}", "", "{}", "[[[[", "\u{0}\n",
        ]
        try Fuzzer(
            "denied", samples: samples.map { Array($0.utf8) },
            dictionary: ["\"serial\":", "\"key\":", "\n", "\\u0000", "\"", "{", "}", "null", "1e999", key]
        ).run(refusing: Damaged.self) { bytes in
            let (list, damaged) = DenyList.read(bytes)
            let more = DenyList.read(bytes + [UInt8(ascii: "\n")] + good)
            guard more.list.denies(denied), more.damaged == damaged else { throw FuzzFlaw("a good line does not hold") }
            let carried = DenyList(fingerprints: list.fingerprints)
            guard carried.fingerprints.sorted() == list.fingerprints.sorted() else {
                throw FuzzFlaw("rosters carry something else")
            }
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            guard list.certificates.count + damaged.count <= lines.count,
                damaged.allSatisfy({ (1...lines.count + bytes.count).contains($0.number) })
            else { throw FuzzFlaw("more is read than is there") }
            if !damaged.isEmpty { throw Damaged() }
        }
    }
}
