/// W3C Trace Context's `traceparent` and `tracestate`, as text.
package enum TraceParent {
    package static let key = "traceparent"
    package static let stateKey = "tracestate"
    /// The member of `tracestate` that says that no span has the parent's number: it only names a trace.
    static let nameOnly = "lockstep=root"

    /// `00-<trace>-<span>-<flags>`.
    static func text(of context: SpanContext) -> String {
        var bytes = Array("00-".utf8)
        HexadecimalDigits.append(context.trace.high, to: &bytes)
        HexadecimalDigits.append(context.trace.low, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        HexadecimalDigits.append(context.span, to: &bytes)
        bytes.append(contentsOf: (context.isSampled ? "-01" : "-00").utf8)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Returns: nil where the text breaks a rule of the specification; such a parent counts as none.
    static func parse(_ text: String, state: String?) -> SpanContext? {
        let bytes = Array(text.utf8.prefix(1024))
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = HexadecimalDigits.value(bytes[0..<2]), version != 0xFF,
            // A version to come may append fields, version 0 has none.
            bytes.count == 55 || (version > 0 && bytes[55] == dash),
            let high = HexadecimalDigits.value(bytes[3..<19]), let low = HexadecimalDigits.value(bytes[19..<35]),
            let span = HexadecimalDigits.value(bytes[36..<52]), let flags = HexadecimalDigits.value(bytes[53..<55]),
            let trace = TraceIdentifier(high: high, low: low), span != 0
        else { return nil }
        let members = stateMembers(state ?? "")
        return SpanContext(
            trace: trace, span: span, isSampled: flags & 1 == 1, isRemote: true,
            isNameOnly: members.contains { $0 == nameOnly },
            state: members.filter { $0 != nameOnly }.joined(separator: ","), group: nil)
    }

    /// The members of a `tracestate`; none where it is longer than 512 bytes or holds what no header may hold.
    private static func stateMembers(_ state: String) -> [Substring] {
        guard state.utf8.count <= 512, state.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return [] }
        let members = state.split(separator: ",").map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        return members.count <= 32 ? members : []
    }
}
