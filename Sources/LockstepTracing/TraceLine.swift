internal import LockstepCore
internal import Tracing

/// Writes spans of one process as a line of OpenTelemetry's JSON file format (OTLP): numbers of traces and spans in
/// hexadecimal, 64-bit numbers as text, enumerations as numbers.
struct TraceLine: Sendable {
    /// OpenTelemetry's default limit for attributes of a span, an event or a link.
    static let attributeLimit = 128
    /// Longer texts are cut.
    static let textLimit = 1024

    private let head: [UInt8]
    private static let tail = Array("]}]}]}\n".utf8)

    init(process: String, host: String?, version: String) {
        var writer = Writer()
        writer.raw(#"{"resourceSpans":[{"resource":"#)
        var resource: SpanAttributes = [:]
        resource.set(TraceName.serviceName, value: .string(TraceName.service))
        resource.set(TraceName.serviceInstance, value: .string(process))
        if let host { resource.set(TraceName.host, value: .string(host)) }
        writer.raw("{")
        writer.attributes(resource)
        writer.raw(#"},"scopeSpans":[{"scope":{"name":"lockstep""#)
        if !version.isEmpty {
            writer.raw(#","version":"#)
            writer.text(version)
        }
        writer.raw(#"},"spans":["#)
        head = writer.bytes
    }

    /// One line with its line feed.
    func bytes(_ spans: [FinishedSpan]) -> [UInt8] {
        var writer = Writer()
        writer.bytes.reserveCapacity(head.count + 512 * spans.count)
        writer.bytes.append(contentsOf: head)
        for (index, span) in spans.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.span(span)
        }
        writer.bytes.append(contentsOf: TraceLine.tail)
        return writer.bytes
    }
}

private struct Writer {
    var bytes: [UInt8] = []

    mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func span(_ span: FinishedSpan) {
        raw(#"{"traceId":""#)
        HexadecimalDigits.append(span.context.trace.high, to: &bytes)
        HexadecimalDigits.append(span.context.trace.low, to: &bytes)
        raw(#"","spanId":""#)
        HexadecimalDigits.append(span.context.span, to: &bytes)
        raw(#"""#)
        if !span.context.state.isEmpty {
            raw(#","traceState":"#)
            text(span.context.state)
        }
        if let parent = span.parent {
            raw(#","parentSpanId":""#)
            HexadecimalDigits.append(parent.span, to: &bytes)
            raw(#"""#)
        }
        // Sampled (1); whether the parent is of another process is known (256); it is (512).
        raw(span.parent?.isRemote == true ? #","flags":769,"name":"# : #","flags":257,"name":"#)
        text(span.name)
        raw(#","kind":"#)
        number(Writer.number(of: span.kind))
        raw(#","startTimeUnixNano":""#)
        number(span.start)
        raw(#"","endTimeUnixNano":""#)
        number(span.end)
        raw(#"","#)
        attributes(span.attributes)
        if !span.events.isEmpty { events(span.events) }
        if span.droppedEvents > 0 {
            raw(#","droppedEventsCount":"#)
            number(span.droppedEvents)
        }
        links(span)
        if let status = span.status {
            raw(#","status":{"code":"#)
            number(status.code == .ok ? 1 : 2)
            if let message = status.message {
                raw(#","message":"#)
                text(message)
            }
            raw("}")
        }
        raw("}")
    }

    private mutating func events(_ events: [SpanEvent]) {
        raw(#","events":["#)
        for (index, event) in events.enumerated() {
            raw(index > 0 ? #",{"timeUnixNano":""# : #"{"timeUnixNano":""#)
            number(event.nanosecondsSinceEpoch)
            raw(#"","name":"#)
            text(event.name)
            raw(",")
            attributes(event.attributes)
            raw("}")
        }
        raw("]")
    }

    /// Links to spans of other tracers have no form here and are counted as dropped.
    private mutating func links(_ span: FinishedSpan) {
        var dropped = span.droppedLinks
        var written = 0
        for link in span.links {
            guard let context = link.context.lockstepSpan else {
                dropped += 1
                continue
            }
            raw(written > 0 ? #",{"traceId":""# : #","links":[{"traceId":""#)
            HexadecimalDigits.append(context.trace.high, to: &bytes)
            HexadecimalDigits.append(context.trace.low, to: &bytes)
            raw(#"","spanId":""#)
            HexadecimalDigits.append(context.span, to: &bytes)
            raw(#"","#)
            attributes(link.attributes)
            raw("}")
            written += 1
        }
        if written > 0 { raw("]") }
        if dropped > 0 {
            raw(#","droppedLinksCount":"#)
            number(dropped)
        }
    }

    /// `"attributes":[…]` in the order of the keys, and how many there was no room for.
    mutating func attributes(_ attributes: SpanAttributes) {
        var pairs: [(key: String, value: SpanAttribute)] = []
        pairs.reserveCapacity(attributes.count)
        attributes.forEach { pairs.append(($0, $1)) }
        pairs.sort { $0.key < $1.key }
        raw(#""attributes":["#)
        for (index, pair) in pairs.prefix(TraceLine.attributeLimit).enumerated() {
            raw(index > 0 ? #",{"key":"# : #"{"key":"#)
            text(pair.key)
            raw(#","value":"#)
            value(pair.value)
            raw("}")
        }
        raw("]")
        if pairs.count > TraceLine.attributeLimit {
            raw(#","droppedAttributesCount":"#)
            number(pairs.count - TraceLine.attributeLimit)
        }
    }

    private mutating func value(_ attribute: SpanAttribute) {
        switch attribute {
        case .int32(let value): integer(Int64(value))
        case .int64(let value): integer(value)
        case .double(let value): double(value)
        case .bool(let value): raw(value ? #"{"boolValue":true}"# : #"{"boolValue":false}"#)
        case .string(let value): string(value)
        case .stringConvertible(let value): string(String(describing: value))
        case .int32Array(let values): array(values) { $0.integer(Int64($1)) }
        case .int64Array(let values): array(values) { $0.integer($1) }
        case .doubleArray(let values): array(values) { $0.double($1) }
        case .boolArray(let values): array(values) { $0.value(.bool($1)) }
        case .stringArray(let values): array(values) { $0.string($1) }
        case .stringConvertibleArray(let values): array(values) { $0.string(String(describing: $1)) }
        default: raw("{}")
        }
    }

    private mutating func integer(_ value: Int64) {
        raw(#"{"intValue":""#)
        number(value)
        raw(#""}"#)
    }

    private mutating func double(_ value: Double) {
        raw(#"{"doubleValue":"#)
        // JSON has no such numbers; protobuf's JSON spells them as text.
        if value.isNaN {
            raw(#""NaN""#)
        } else if value.isInfinite {
            raw(value < 0 ? #""-Infinity""# : #""Infinity""#)
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
        raw("}")
    }

    private mutating func string(_ value: String) {
        raw(#"{"stringValue":"#)
        text(value)
        raw("}")
    }

    private mutating func array<Element>(_ values: [Element], _ write: (inout Writer, Element) -> Void) {
        raw(#"{"arrayValue":{"values":["#)
        for (index, value) in values.prefix(TraceLine.attributeLimit).enumerated() {
            if index > 0 { raw(",") }
            write(&self, value)
        }
        raw("]}}")
    }

    private mutating func number(_ value: some FixedWidthInteger) {
        bytes.append(contentsOf: String(value).utf8)
    }

    /// A JSON string; what is longer than the limit is cut at a character.
    mutating func text(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.count <= TraceLine.textLimit {
            for byte in text.utf8 { escaped(byte) }
        } else {
            var length = 0
            for scalar in text.unicodeScalars {
                let units = UTF8.width(scalar)
                guard length + units <= TraceLine.textLimit else { break }
                length += units
                for byte in String(scalar).utf8 { escaped(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0..<0x20, 0x7F:
            raw(#"\u00"#)
            HexadecimalDigits.append(byte, to: &bytes)
        default: bytes.append(byte)
        }
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
