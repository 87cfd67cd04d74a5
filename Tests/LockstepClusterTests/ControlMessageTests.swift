import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@Suite struct ControlMessageTests {
    private static let hash = StateHash(high: 0xFEDC_BA98_7654_3210, low: 7)
    private static let process = ProcessNumber(0x0123_4567_89AB_CDEF)

    static let messages: [ControlMessage] = {
        let member = Roster.Member(name: "w0", process: process, host: "10.0.0.1", ports: [4242, 4243], lanes: 0..<8)
        let unjudged = StatePoint(step: 12, isJudged: false)
        let roster = Roster(
            generation: 3, members: [member], start: unjudged, stateHash: hash, wholeHash: hash, holders: [],
            distrusted: [process], patience: 64,
            exchange: ExchangeSettings(bucketBoundaries: [16, 64], links: 2, staysAwake: true))
        let holding = Holding(point: unjudged, hash: hash, wholeHash: hash)
        let agreement = Frozen.Agreement(point: StatePoint(step: 12), hash: hash)
        let voice = Frozen.Disagreement.Voice(name: "w0", process: process, hash: hash)
        let trial = Trial(
            settings: roster.exchange, elementCount: 256, rounds: 2, warmUpRounds: 1, computeSteps: 3)
        var report = StepReport(
            step: 13, epoch: 2, loss: 0.1 + 0.2, metrics: [.init(name: "accuracy", value: .infinity)],
            learningRate: 1e-3, samples: 128, seconds: 0.25, computeSeconds: 0.125)
        report.generation = 3
        report.sampleHashes = [1, UInt64.max]
        report.epochSampleSum = 7
        let address = WorkerAddress(name: "w3", process: process, host: "10.0.0.3", ports: [4244])
        let context = [ContextField(key: "traceparent", value: "00-ab-cd-01")]
        return [
            .hello(
                Hello(
                    name: "w0", process: process, host: "höst/1", processIdentifier: 99, purpose: .bulk, running: 1,
                    promised: UInt32.max, version: "0.1.0", instructionSet: "avx2", threads: 2, incarnation: 7,
                    isPrepared: true)),
            .prepared(Prepared(planDigest: "ab12", probe: hash, holding: holding, host: "::1", ports: [1, 2])),
            .unable(Unable(exitCode: .usage, message: "train.gz is missing")),
            .linked(generation: 3),
            .linkDown(LinkDown(generation: 3, peer: "w1", reason: "reset")),
            .progress(
                Progress(
                    generation: 3, step: 13, stage: .levelling, secondsPerLane: 0.5, reports: [report],
                    agreement: agreement)),
            .progress(
                Progress(
                    generation: 3, step: 13, stage: .validation, reports: [],
                    evaluations: [EvaluationReport(epoch: 2, step: 13, sums: [.infinity, 3, 0.5])],
                    agreed: [AgreedState(step: 12, hash: hash, isBest: true)])),
            .frozen(Frozen(generation: 4, holding: nil)),
            .frozen(
                Frozen(
                    generation: 4, holding: holding, isBest: true, agreed: agreement,
                    seen: Frozen.Disagreement(point: unjudged, voices: [voice]), source: process, copied: 3,
                    outOfReach: ["w1"])),
            .leaving(Leaving(reason: "SIGTERM")),
            .damage(Damage(step: 13, tensors: [.init(name: "0.weight", count: 3, firstIndex: 17)])),
            .halted(Halted(generation: 3, step: 14, cause: .lossNotFinite(lane: 5))),
            .halted(Halted(generation: 3, step: 14, cause: .gradientNotFinite)),
            .halted(Halted(generation: 3, step: 14, cause: .hashesDiffer([.init(name: "w0", hash: hash)]))),
            .halted(
                Halted(
                    generation: 3, step: 14, cause: .judgementsDiffer([.init(name: "w0", judgement: UInt64.max)]))),
            .halted(
                Halted(
                    generation: 3, step: 14,
                    cause: .auditDiffers(
                        LaneDifference(
                            lane: 5,
                            voices: [
                                LaneDifference.Voice(name: "w0", hash: 0x8C51_D0A7_BE3F_1264),
                                LaneDifference.Voice(name: "w1", hash: 7), LaneDifference.Voice(name: "w2", hash: 7),
                            ])))),
            .halted(Halted(generation: 3, step: 14, cause: .other("x"))),
            .done(
                Done(
                    generation: 3, step: 20, hash: hash, lanesComputed: 160, gradientBytesSent: 1 << 40,
                    evaluation: [1.5, 4000], lastEpoch: [0.1, 20000, 19000])),
            .done(
                Done(
                    generation: 3, step: 20, hash: hash, lanesComputed: 1, gradientBytesSent: 0, evaluation: nil,
                    lastEpoch: [])),
            .measured(
                Measured(
                    generation: 3, number: 1, seconds: [0.25, 1e-5], wrongSums: 1, processorSeconds: 0.125,
                    timeline: [GradientPoint(floats: 16, seconds: 0.5)])),
            .measure(
                Measure(
                    roster: roster, trial: trial, number: 1, isClear: true, hostShare: HostShare(index: 1, count: 2))),
            .pong(Pong(nonce: UInt64.max, step: 9, stage: .controlRecord, waitingFor: ["w1"])),
            .welcome(
                Welcome(
                    runIdentifier: "r", incarnation: 1, clusterName: "demo", job: #"{"a":"\n"}"#,
                    files: [.init(name: "train", absolutePath: "/d/x", digest: DigestBuilder.digest(of: []))],
                    traceContext: context)),
            .welcome(
                Welcome(
                    runIdentifier: "r", incarnation: 2, clusterName: "demo", job: "",
                    files: [
                        .init(name: "t", absolutePath: "/t", digest: DigestBuilder.digest(of: []), isOffered: true)
                    ], state: StateOffer(step: 12, byteCount: 1 << 33, stateDigest: DigestBuilder.digest(of: [1])),
                    traceContext: [])),
            .refused(reason: "the run has its 2 workers"),
            .start(Start(roster: roster, snapshotEverySteps: 100, traceContext: context)),
            .freeze(Freeze(generation: 5, reachLimit: 1)), .plan(PlannedChange(generation: 6)),
            .plan(PlannedChange(generation: 6, members: [address], links: 3)),
            .fetch(Fetch(step: 20, share: 1, count: 3)),
            .release(Release(reason: "the run is finished", exitCode: .temporary)),
            .ping(Ping(nonce: 17, reportedStep: 9)),
            .feed(Feed(observer: address)),
            .feedLost(FeedLost(observer: "w3", process: process, reason: "reset")),
            .observing(Observing(source: "w0", isCaughtUp: true, point: unjudged)),
            .observing(Observing(source: nil, isCaughtUp: false, point: unjudged, reason: "reset")),
            .preflight(Preflight(generation: 3, members: [member.address], limit: 1)),
            .preflighted(Preflighted(generation: 3, outOfReach: ["w1"])),
        ]
    }()

    @Test func everyMessageSurvivesTheWay() throws {
        for message in Self.messages {
            let bytes = try ControlMessageCoding.encode(message)
            #expect(try ControlMessageCoding.decodeMessage(bytes) == message)
            #expect(String(decoding: bytes, as: UTF8.self).contains("\"type\":\"\(message.type)\""))
        }
        #expect(Set(Self.messages.map(\.type)).count == 27)
    }

    @Test func theTextIsTheDocumentedOne() throws {
        let text = String(decoding: try ControlMessageCoding.encode(Self.messages[4]), as: UTF8.self)
        #expect(text == #"{"generation":3,"peer":"w1","reason":"reset","type":"linkDown"}"#)
        let hello = String(decoding: try ControlMessageCoding.encode(Self.messages[0]), as: UTF8.self)
        #expect(hello.contains(#""process":"0123456789abcdef""#) && hello.contains(#""purpose":"bulk""#))
    }

    @Test func otherTextIsNoMessage() {
        let wrong = [
            "", "{}", "[]", "null", "7", "{", "\u{0}", #"{"type":"dance"}"#, #"{"type":7}"#, #"{"type":"linked"}"#,
            #"{"type":"linked","generation":-1}"#, #"{"type":"linked","generation":4294967296}"#,
            #"{"type":"ping","nonce":1.5}"#, #"{"type":"halted","generation":1,"step":1,"cause":{"kind":"other"}}"#,
            #"{"type":"frozen","generation":1,"isBest":false,"holding":"xyz","outOfReach":[]}"#,
            #"{"type":"freeze","generation":1,"reachLimit":-1}"#, #"{"type":"freeze","generation":1}"#,
            #"{"type":"release","reason":"","exitCode":99}"#,
            #"{"type":"feed","observer":{"name":"w","process":"0123456789abcdef","host":"h","ports":[0]}}"#,
            #"{"type":"feed","observer":{"name":"w","process":"0123456789abcdef","host":"h","ports":[]}}"#,
            String(repeating: "[", count: 100_000), #"{"type":"#,
        ]
        for text in wrong {
            #expect(throws: ControlMessageCoding.Fault.self, "\(text.prefix(60))") {
                try ControlMessageCoding.decodeMessage(Array(text.utf8))
            }
        }
    }

    /// Counts of lanes are added and multiplied without a second look.
    @Test func noMemberHasMoreLanesThanAJobCanHave() throws {
        func decode(_ lanes: Range<Int>) throws -> ControlMessage {
            let member = Roster.Member(name: "w0", process: Self.process, host: "h", ports: [1], lanes: lanes)
            let roster = Roster(generation: 3, members: [member], startStep: 0, stateHash: Self.hash, exchange: .init())
            return try ControlMessageCoding.decodeMessage(
                try ControlMessageCoding.encode(ControlMessage.start(Start(roster: roster, traceContext: []))))
        }
        _ = try decode(0..<1 << 20)
        for lanes in [0..<Int.max, Int.min..<Int.max, -1..<4] {
            #expect(throws: ControlMessageCoding.Fault.self) { try decode(lanes) }
        }
    }

    @Test func aProcessNumberIsDigitsOnly() throws {
        let text = String(decoding: try ControlMessageCoding.encode(Self.messages[0]), as: UTF8.self)
        for sign in ["+", "-"] {
            let broken = text.replacing("0123456789abcdef", with: sign + "000000000000000")
            #expect(throws: ControlMessageCoding.Fault.self) {
                try ControlMessageCoding.decodeMessage(Array(broken.utf8))
            }
        }
    }

    /// Every key of every message is needed, but those that may be null.
    @Test func aMissingFieldIsNoticed() throws {
        for message in Self.messages {
            let text = String(decoding: try ControlMessageCoding.encode(message), as: UTF8.self)
            guard let key = text.split(separator: "\"").first(where: { $0 != "{" }),
                !["evaluation", "agreed", "agreement"].contains(key)
            else {
                continue
            }
            let broken = text.replacing("\"\(key)\"", with: "\"x\(key)\"", maxReplacements: 1)
            #expect(throws: ControlMessageCoding.Fault.self, "\(broken)") {
                try ControlMessageCoding.decodeMessage(Array(broken.utf8))
            }
        }
    }

    @Test func damagedTextNeverTraps() throws {
        let seed: UInt64 = 21
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            var bytes = try ControlMessageCoding.encode(
                Self.messages.randomElement(using: &random) ?? .ping(Ping(nonce: 0)))
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let message = try? ControlMessageCoding.decodeMessage(bytes) else { continue }
            let again = try ControlMessageCoding.decodeMessage(try ControlMessageCoding.encode(message))
            #expect(again == message, "seed \(seed)")
        }
    }

    /// A rail's greeting has no key that it did not have before there were other links.
    @Test func aGreetingSaysWhatItIsFor() throws {
        var greeting = LinkGreeting(
            generation: 4, name: "w1", process: ProcessNumber(2), peerName: "w0", peerProcess: Self.process)
        func text() throws -> String { String(decoding: try ControlMessageCoding.encode(greeting), as: UTF8.self) }
        #expect(!(try text()).contains("is"))
        greeting.isFeed = true
        #expect(try text().contains(#""isFeed":true"#) && !text().contains("isProbe"))
        #expect(try ControlMessageCoding.decodeGreeting(Array(try text().utf8)) == greeting)
        greeting.isFeed = false
        greeting.isProbe = true
        #expect(try ControlMessageCoding.decodeGreeting(Array(try text().utf8)) == greeting)
    }

    @Test func aGreetingOpensOnlyItsOwnLink() throws {
        let first = WorkerAddress(name: "w0", process: Self.process, host: "h", ports: [1])
        let second = WorkerAddress(name: "w1", process: ProcessNumber(2), host: "h", ports: [2])
        let greeting = LinkGreeting(
            generation: 4, name: "w1", process: ProcessNumber(2), peerName: "w0", peerProcess: Self.process,
            rail: 1, renewal: 3)
        #expect(try ControlMessageCoding.decodeGreeting(try ControlMessageCoding.encode(greeting)) == greeting)
        #expect(greeting.objection(own: first, peer: second, generation: 4) == nil)
        #expect(greeting.objection(own: first, peer: second, generation: 5) != nil)
        #expect(greeting.objection(own: second, peer: first, generation: 4) != nil)
        var other = greeting
        other.peerProcess = ProcessNumber(9)
        #expect(other.objection(own: first, peer: second, generation: 4) != nil)
        other = greeting
        other.process = ProcessNumber(9)
        #expect(other.objection(own: first, peer: second, generation: 4) != nil)
    }
}
