import LockstepFormats
import Testing
import Tracing

@testable import LockstepTracing

/// The exact form of OTLP's JSON.
@Suite struct TraceLineTests {
    private func span(
        name: String = "step", parent: SpanContext? = nil, attributes: SpanAttributes = [:], events: [SpanEvent] = [],
        links: [SpanLink] = [], status: SpanStatus? = nil, state: String = ""
    ) throws -> FinishedSpan {
        FinishedSpan(
            name: name, context: try context(0xEEE1_9B7E_C3C1_B174, state: state), parent: parent, kind: .internal,
            start: 1_544_712_660_000_000_000, end: 1_544_712_661_000_000_000, attributes: attributes, events: events,
            links: links, status: status, droppedEvents: 0, droppedLinks: 0)
    }

    private func context(_ span: UInt64, isRemote: Bool = false, state: String = "") throws -> SpanContext {
        let trace = try #require(TraceIdentifier(high: 0x5B8E_FFF7_9803_8103, low: 0xD269_B633_813F_C60C))
        return SpanContext(
            trace: trace, span: span, isSampled: true, isRemote: isRemote, isNameOnly: false, state: state, group: nil)
    }

    private func text(_ spans: [FinishedSpan], host: String? = nil) -> String {
        String(decoding: TraceLine(process: "w0", host: host, version: "1.0").bytes(spans), as: UTF8.self)
    }

    private let head =
        #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.instance.id","value":{"stringValue":"w0"}},"#
        + #"{"key":"service.name","value":{"stringValue":"lockstep"}}]},"#
        + #""scopeSpans":[{"scope":{"name":"lockstep","version":"1.0"},"spans":["#

    @Test func aPlainSpan() throws {
        #expect(
            text([try span(attributes: ["lockstep.step": .int64(42)])]) == head
                + #"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":257,"#
                + #""name":"step","kind":1,"startTimeUnixNano":"1544712660000000000","#
                + #""endTimeUnixNano":"1544712661000000000","#
                + #""attributes":[{"key":"lockstep.step","value":{"intValue":"42"}}]}]}]}]}"# + "\n")
    }

    @Test func everythingThatASpanCanHave() throws {
        let parent = try context(0xA1, isRemote: true)
        var link = ServiceContext.topLevel
        link.lockstepSpan = try context(0xB2)
        let attributes: SpanAttributes = [
            "a": .int32(-1), "b": .double(0.5), "c": .bool(true), "d": .string("x"), "e": .int64Array([1, 2]),
            "f": .doubleArray([.nan, .infinity, -.infinity]), "g": .stringArray(["p", "q"]), "h": .boolArray([false]),
            "i": .stringConvertible(UInt8(7)), "j": .int64(.min), "k": .double(1e300),
        ]
        let value = try span(
            parent: parent, attributes: attributes,
            events: [SpanEvent(name: "e", at: Moment(5), attributes: ["k": "v"])],
            links: [SpanLink(context: link, attributes: [:]), SpanLink(context: .topLevel, attributes: [:])],
            status: SpanStatus(code: .error, message: "no"), state: "v=1")
        let line = text([value, try span(status: SpanStatus(code: .ok))], host: "m")
        #expect(line.contains(#"{"key":"host.name","value":{"stringValue":"m"}}"#))
        for part in [
            #""traceState":"v=1","parentSpanId":"00000000000000a1","flags":769,"#,
            #"{"key":"a","value":{"intValue":"-1"}},{"key":"b","value":{"doubleValue":0.5}},"#,
            #"{"key":"c","value":{"boolValue":true}},{"key":"d","value":{"stringValue":"x"}},"#,
            #"{"key":"e","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}},"#,
            #"{"doubleValue":"NaN"},{"doubleValue":"Infinity"},{"doubleValue":"-Infinity"}"#,
            #"{"arrayValue":{"values":[{"stringValue":"p"},{"stringValue":"q"}]}}"#,
            #"{"arrayValue":{"values":[{"boolValue":false}]}}"#,
            #"{"key":"i","value":{"stringValue":"7"}}"#,
            #"{"key":"j","value":{"intValue":"-9223372036854775808"}},{"key":"k","value":{"doubleValue":1e+300}}"#,
            #","events":[{"timeUnixNano":"5","name":"e","attributes":[{"key":"k","value":{"stringValue":"v"}}]}]"#,
            #","links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"00000000000000b2","attributes":[]}]"#,
            #","droppedLinksCount":1,"status":{"code":2,"message":"no"}},{"traceId""#, #""status":{"code":1}}]}]}]}"#,
        ] { #expect(line.contains(part), "\(part)") }
        #expect(try JSONValue(parsing: Array(line.utf8)).spans.count == 2)
    }

    @Test func textIsEscapedAndCutAtACharacter() throws {
        let nasty = "a\"b\\c\u{1}\u{7F}\u{1B}[31m\n\u{2028}é"
        let value = try JSONValue(parsing: Array(text([try span(name: nasty)]).utf8))
        #expect(value.spans.first?["name"]?.string == nasty)
        #expect(text([try span(name: nasty)]).utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        let long = try JSONValue(parsing: Array(text([try span(name: String(repeating: "é", count: 5000))]).utf8))
        #expect(long.spans.first?["name"]?.string == String(repeating: "é", count: TraceLine.textLimit / 2))
    }

    @Test func manyAttributesAreCutAndCounted() throws {
        var attributes: SpanAttributes = [:]
        for index in 0..<200 { attributes.set("k\(index)", value: .int64(1)) }
        let value = try JSONValue(parsing: Array(text([try span(attributes: attributes)]).utf8))
        #expect(value.spans.first?["attributes"]?.array?.count == 128)
        #expect(value.spans.first?["droppedAttributesCount"]?.int == 72)
    }
}
