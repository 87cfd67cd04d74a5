import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepRuntime

/// Items put together from frames, each of which is checked before it is taken.
@Suite struct FeedAssemblyTests {
    private typealias Frame = (header: FrameHeader, payload: [UInt8])

    private static let shape = FeedSamples.shape

    private static func assembly() -> FeedAssembly { FeedAssembly(shape, FloatPool(count: shape.elementCount)) }

    private static func frames(_ parcel: FeedParcel, _ shape: FeedShape = shape) throws -> [Frame] {
        let text = try ControlMessageCoding.encode(parcel.item)
        let head = FrameHeader(kind: .feed, generation: parcel.item.generation, length: UInt32(text.count))
        return [(head, text)]
            + parcel.frames(shape.following(parcel.item).kind).map { ($0.header, Array($0.payload)) }
    }

    /// - Returns: what was complete with the last frame.
    private static func give(_ frames: [Frame], to assembly: inout FeedAssembly) throws -> FeedParcel? {
        var parcel: FeedParcel?
        for (header, payload) in frames {
            #expect(parcel == nil)
            try assembly.place(of: header).copyBytes(from: payload)
            parcel = try assembly.took(header)
        }
        return parcel
    }

    @Test func everyItemComesWhole() throws {
        var assembly = Self.assembly()
        for sample in [
            FeedSamples.begins(3), FeedSamples.reports(1...900), FeedSamples.state(3), FeedSamples.step(4),
            FeedSamples.step(5),
            FeedSamples.judgement(5), FeedSamples.still(5), FeedParcel(FeedItem(generation: 1, .gap)),
            FeedSamples.state(9),
        ] {
            #expect(assembly.isBetweenItems)
            let parcel = try #require(try Self.give(try Self.frames(sample), to: &assembly))
            #expect(parcel.isEqual(to: sample))
        }
    }

    /// A header that differs in one field from the one that is due.
    @Test(arguments: [
        "kind", "generation", "phase", "part", "bucket", "offset", "longer", "uneven", "empty",
    ]) func aFrameThatIsNotDue(field: String) throws {
        for sample in [FeedSamples.state(3), FeedSamples.step(3)] {
            let frames = try Self.frames(sample)
            for index in frames.indices {
                var assembly = Self.assembly()
                #expect(try Self.give(Array(frames[..<index]), to: &assembly) == nil)
                var header = frames[index].header
                #expect(throws: Never.self) { try assembly.place(of: header) }
                let isHead = index == 0
                switch field {
                case "kind": header.kind = header.kind == .share ? .total : .share
                case "generation": header.generation += 1
                case "phase": header.phase = 1
                case "part": header.part = 1
                case "bucket": header.bucket += 1
                case "offset": header.offset += 4
                case "longer": header.length = UInt32(isHead ? Self.shape.mostItemBytes + 1 : 4 * 70_004)
                case "uneven": header.length -= 1
                default: header.length = 0
                }
                // What a head says is checked when it is there.
                let isSeenLater = isHead && (field == "generation" || field == "uneven")
                if isSeenLater {
                    try assembly.place(of: header).copyBytes(from: frames[index].payload.prefix(Int(header.length)))
                    #expect(throws: FeedAssembly.Fault.self) { try assembly.took(header) }
                } else {
                    #expect(throws: FeedAssembly.Fault.self, "\(field) \(index)") { try assembly.place(of: header) }
                }
            }
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 6]) func anItemOfAnotherJob(number: Int) throws {
        func step(_ totals: Int, _ members: Int, seconds: Double = 1, step: UInt32 = 3) -> FeedItem {
            FeedItem(
                generation: 1,
                .step(
                    FedStep(
                        step: step, totals: Array(repeating: 1, count: totals),
                        sampleHashes: Array(repeating: 1, count: members), stateHash: nil, seconds: seconds)))
        }
        #expect(Self.shape.fits(step(3, 5)))
        let items = [
            step(2, 5), step(3, 6), step(3, 0), step(3, 5, seconds: -1), step(3, 5, step: 0),
            FeedItem(generation: 1, .judgement(FedJudgement(step: 1, sums: [1], watchHash: 0))),
            FeedItem(generation: 2, .still(promised: 2, StatePoint(step: 1))),
        ]
        var assembly = Self.assembly()
        #expect(throws: FeedAssembly.Fault.self) {
            try Self.give(try Self.frames(FeedParcel(items[number])), to: &assembly)
        }
    }

    @Test(arguments: ["", "{", "{}", "[]", "{\"item\":\"other\",\"generation\":1}"]) func whatIsNoItem(text: String)
        throws
    {
        var assembly = Self.assembly()
        #expect(throws: FeedAssembly.Fault.self) {
            _ = try Self.give(
                [(FrameHeader(kind: .feed, generation: 1, length: UInt32(text.utf8.count)), Array(text.utf8))],
                to: &assembly)
        }
    }

    /// A source whose frames are damaged, come twice, in another order or not at all: what is complete is an item of the job, and
    /// no byte of a vector goes elsewhere.
    @Test func hostileFrames() throws {
        let shape = FeedShape(vectorCount: 2, elementCount: 5, numberCount: 1, sumCount: 3, laneCount: 5)
        // Each frame is its header and its payload, with the payload's length before both.
        func bytes(_ frames: [Frame]) -> [UInt8] {
            frames.flatMap {
                [UInt8($0.payload.count & 255), UInt8($0.payload.count >> 8)] + $0.header.bytes + $0.payload
            }
        }
        let parcels = [
            FeedSamples.begins(3), FeedSamples.reports(1...2), FeedSamples.state(3, shape), FeedSamples.step(4, shape),
            FeedSamples.judgement(4, shape), FeedSamples.still(4), FeedParcel(FeedItem(generation: 1, .gap)),
        ]
        var frames: [Frame] = []
        for parcel in parcels { frames += try Self.frames(parcel, shape) }
        try Fuzzer(
            "feed", samples: [bytes(frames), bytes(frames.reversed())] + frames.map { bytes([$0]) },
            dictionary: ["\"item\"", "\"step\"", "\"state\"", "null", "-1", "1e400", "[[[[", "\"ffffffffffffffff\""]
        ).run(2000, refusing: FeedAssembly.Fault.self) { bytes in
            var assembly = FeedAssembly(shape, FloatPool(count: shape.elementCount))
            var rest = bytes[...]
            while rest.count >= 2 + FrameHeader.byteCount {
                let count = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
                // What no frame can be, the links refuse.
                guard var header = try? FrameHeader(decoding: Array(rest.dropFirst(2))) else {
                    throw FeedAssembly.Fault(reason: "")
                }
                let payload = rest.dropFirst(2 + FrameHeader.byteCount).prefix(count)
                if header.length < 65_536 { header.length = UInt32(payload.count) }
                let place = try assembly.place(of: header)
                guard place.count == Int(header.length) else { throw FuzzFlaw("a place of another length") }
                place.copyBytes(from: payload)
                rest = rest.dropFirst(2 + FrameHeader.byteCount + count)
                guard let parcel = try assembly.took(header) else { continue }
                guard shape.fits(parcel.item), parcel.vectors.map(\.count) == shape.following(parcel.item).floats,
                    assembly.isBetweenItems
                else { throw FuzzFlaw("an item of another job is complete") }
            }
        }
    }
}
