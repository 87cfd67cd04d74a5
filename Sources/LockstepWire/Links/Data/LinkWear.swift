/// Counts the TLS records of a link, at least: AES-GCM stays safe for a bounded number of them under one key (RFC 8446
/// §5.5), and TLS here never changes its keys by itself.
struct LinkWear {
    private let recordsPerKey: Int
    private var sealedRecords = 0
    private var openedRecords = 0
    private var wasNoticed = false

    init(recordsPerKey: Int) { self.recordsPerKey = recordsPerKey }

    /// One write, which begins a record of its own.
    mutating func sealed(_ bytes: Int) { sealedRecords += LinkWear.records(bytes) }

    /// One read: the other side, which sealed it, knows more exactly how often it began a record.
    mutating func opened(_ bytes: Int) { openedRecords += LinkWear.records(bytes) }

    /// True once, when the link is worn.
    mutating func takeNotice() -> Bool {
        guard !wasNoticed, max(sealedRecords, openedRecords) >= recordsPerKey else { return false }
        wasNoticed = true
        return true
    }

    private static func records(_ bytes: Int) -> Int {
        (bytes + OutgoingFrames.recordBytes - 1) / OutgoingFrames.recordBytes
    }
}
