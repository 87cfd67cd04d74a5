import LockstepCollectives
import Testing

@testable import LockstepCluster
@testable import LockstepRuntime

@Suite struct StateCollectorTests {
    private static let elementCount = 70

    private func collector(members: Int, numbers: Int = 0) -> StateCollector {
        StateCollector(
            step: 9, shares: (0..<members).map { .init(name: "w\($0)", index: $0, count: members, attempt: 0) },
            vectorCount: 2,
            elementCount: StateCollectorTests.elementCount, numberCount: numbers)
    }

    private func value(_ vector: Int, _ index: Int) -> Float { Float(vector * 1000 + index) }

    /// Sends member `member`'s share of one vector in frames of `chunk` floats.
    private func send(
        _ member: Int, of members: Int, vector: Int, chunk: Int, to collector: inout StateCollector
    ) throws {
        let range = StateShare.range(member, of: members, elementCount: StateCollectorTests.elementCount)
        for lower in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
            let floats = (lower..<min(lower + chunk, range.upperBound)).map { value(vector, $0) }
            let header = FrameHeader(
                kind: .share, step: 9, bucket: UInt16(vector), length: UInt32(4 * floats.count),
                offset: UInt64(4 * (lower - range.lowerBound)))
            try floats.withUnsafeBytes { try collector.receive(header, $0, from: "w\(member)") }
        }
    }

    @Test(arguments: 1...7) func sharesBecomeTheState(members: Int) throws {
        var collector = collector(members: members)
        #expect(!collector.isComplete)
        for vector in [1, 0] {
            for member in (0..<members).reversed() {
                try send(member, of: members, vector: vector, chunk: 5, to: &collector)
            }
            #expect(collector.isComplete == (vector == 0))
        }
        for vector in 0..<2 {
            for index in 0..<StateCollectorTests.elementCount {
                #expect(collector.vectors[vector].pointer[index] == value(vector, index))
            }
        }
    }

    /// The numbers beside the vectors come once, from the first member.
    @Test func numbersComeFromTheFirstMember() throws {
        var collector = collector(members: 2, numbers: 3)
        for member in 0..<2 {
            for vector in 0..<2 { try send(member, of: 2, vector: vector, chunk: 100, to: &collector) }
        }
        #expect(!collector.isComplete)
        let numbers = [1.5, -0.0, 1e300]
        func sendNumbers(_ numbers: [Double], from name: String) throws {
            let header = FrameHeader(kind: .share, step: 9, bucket: 2, length: UInt32(8 * numbers.count))
            try numbers.withUnsafeBytes { try collector.receive(header, $0, from: name) }
        }
        try sendNumbers(numbers, from: "w1")
        #expect(!collector.isComplete && collector.numbers.isEmpty)
        #expect(throws: StateCollector.Fault.self) { try sendNumbers([1], from: "w0") }
        try sendNumbers(numbers, from: "w0")
        #expect(collector.isComplete)
        #expect(collector.numbers.map(\.bitPattern) == numbers.map(\.bitPattern))
        // A second copy of a whole share says nothing new.
        try sendNumbers([9, 9], from: "w0")
        #expect(collector.isComplete && collector.numbers.map(\.bitPattern) == numbers.map(\.bitPattern))
    }

    @Test func whatDoesNotBelongIsRefused() throws {
        var collector = collector(members: 2)
        let floats: [Float] = [1, 2]
        func refused(_ header: FrameHeader, _ name: String = "w0", bytes: Int = 8) -> Bool {
            floats.withUnsafeBytes { raw in
                do {
                    try collector.receive(header, UnsafeRawBufferPointer(rebasing: raw[..<bytes]), from: name)
                    return false
                } catch {
                    return true
                }
            }
        }
        #expect(refused(FrameHeader(kind: .log, step: 9, length: 8)))
        #expect(refused(FrameHeader(kind: .share, step: 8, length: 8)))
        #expect(refused(FrameHeader(kind: .share, step: 9, bucket: 2, length: 8)))
        #expect(refused(FrameHeader(kind: .share, step: 9, length: 8), "stranger"))
        #expect(refused(FrameHeader(kind: .share, step: 9, length: 8, offset: 4)))
        #expect(refused(FrameHeader(kind: .share, step: 9, length: 8, offset: .max)))
        #expect(refused(FrameHeader(kind: .share, step: 9, length: 7), bytes: 7))
        #expect(refused(FrameHeader(kind: .share, step: 9, length: 0), bytes: 0))
        #expect(!refused(FrameHeader(kind: .share, step: 9, length: 8)))
        // More than the share holds.
        let many = [Float](repeating: 0, count: 60)
        #expect(throws: StateCollector.Fault.self) {
            try many.withUnsafeBytes {
                try collector.receive(FrameHeader(kind: .share, step: 9, length: 240, offset: 8), $0, from: "w0")
            }
        }
    }
}

/// The state of the end, when a worker is lost while it is collected.
@Suite struct StateCollectionsTests {
    private static let elementCount = 70

    private func share(_ name: String, _ index: Int, attempt: Int = 0) -> CoordinatorAction.StateShare {
        .init(name: name, index: index, count: 3, attempt: attempt)
    }

    /// What a worker sends for one of its shares, the last `missing` floats left out.
    private func send(
        _ index: Int, from name: String, missing: Int = 0, shares: [CoordinatorAction.StateShare],
        to collections: inout StateCollections
    ) throws -> Bool {
        let range = StateShare.range(index, of: 3, elementCount: StateCollectionsTests.elementCount)
        let floats = range.dropLast(missing).map { Float($0) }
        let header = FrameHeader(kind: .share, step: 9, length: UInt32(4 * floats.count))
        let isWhole = try floats.withUnsafeBytes {
            try collections.receive(header, $0, from: name, shares: shares)
        }
        guard index == 0, missing == 0 else { return isWhole }
        return try [4.5].withUnsafeBytes {
            try collections.receive(
                FrameHeader(kind: .share, step: 9, bucket: 1, length: 8), $0, from: name, shares: shares)
        }
    }

    private var collections: StateCollections {
        StateCollections(vectorCount: 1, elementCount: StateCollectionsTests.elementCount, numberCount: 1)
    }

    /// w0 is lost when half of its share is there. w2 sends it after its own, of which a half was there too.
    @Test func anotherWorkerSendsTheShareOfALostOne() throws {
        var collections = collections
        let first = [share("w0", 0), share("w1", 1), share("w2", 2)]
        _ = collections.expectLast(9, first)
        #expect(try !send(0, from: "w0", missing: 5, shares: first, to: &collections))
        #expect(try !send(1, from: "w1", shares: first, to: &collections))
        let half = StateShare.range(2, of: 3, elementCount: 70)
        let floats = half.map { Float($0) }
        func frame(_ part: Range<Int>) throws -> Bool {
            let header = FrameHeader(
                kind: .share, step: 9, length: UInt32(4 * part.count), offset: UInt64(4 * part.lowerBound))
            return try Array(floats[part]).withUnsafeBytes {
                try collections.receive(header, $0, from: "w2", shares: first)
            }
        }
        #expect(try !frame(0..<7))
        let second = [share("w2", 0, attempt: 1), share("w1", 1), share("w2", 2)]
        _ = collections.expectLast(9, second)
        #expect(try !frame(7..<floats.count))
        #expect(try send(0, from: "w2", shares: second, to: &collections))
        let taken = collections.take(9)
        let state = try #require(taken)
        #expect((0..<70).allSatisfy { state.vectors[0].pointer[$0] == Float($0) })
        #expect(state.numbers == [4.5])
    }

    /// Its bulk connection broke: it begins anew.
    @Test func aShareThatIsAskedForAgainBeginsAnew() throws {
        var collections = collections
        let first = [share("w0", 0), share("w0", 1), share("w0", 2)]
        _ = collections.expectLast(9, first)
        #expect(try !send(0, from: "w0", shares: first, to: &collections))
        #expect(try !send(1, from: "w0", missing: 3, shares: first, to: &collections))
        let second = [share("w0", 0), share("w0", 1, attempt: 1), share("w0", 2, attempt: 1)]
        _ = collections.expectLast(9, second)
        #expect(try !send(1, from: "w0", shares: second, to: &collections))
        #expect(try send(2, from: "w0", shares: second, to: &collections))
        #expect(collections.take(9)?.numbers == [4.5])
    }

    /// The run stops at a step whose shares the members had sent in mid-run: nothing more is needed of them.
    @Test func aStateMayBeWholeBeforeItIsAskedFor() throws {
        var collections = collections
        let shares = [share("w0", 0), share("w1", 1), share("w2", 2)]
        #expect(try !send(0, from: "w0", shares: shares, to: &collections))
        #expect(try !send(1, from: "w1", shares: shares, to: &collections))
        let isWhole = collections.expectLast(9, shares)
        #expect(!isWhole)
        // What it was asked for although it had come.
        #expect(try !send(0, from: "w0", shares: shares, to: &collections))
        #expect(try send(2, from: "w2", shares: shares, to: &collections))
        let isWholeNow = collections.expectLast(9, shares)
        #expect(isWholeNow)
        #expect(try !send(1, from: "w1", shares: shares, to: &collections))
        #expect(collections.take(9)?.numbers == [4.5])
    }

    @Test func aStateThatIsWholeIsNotCollectedTwice() throws {
        var collections = collections
        let shares = [share("w0", 0), share("w1", 1), share("w2", 2)]
        for (index, name) in ["w0", "w1", "w2"].enumerated() {
            #expect(try send(index, from: name, shares: shares, to: &collections) == (index == 2))
        }
        collections.dropIncomplete()
        #expect(try !send(1, from: "w1", shares: shares, to: &collections))
        #expect(collections.take(9) != nil)
    }

    @Test func anotherGenerationForgetsWhatIsNotWhole() throws {
        var collections = collections
        let shares = [share("w0", 0), share("w1", 1), share("w2", 2)]
        #expect(try !send(1, from: "w1", shares: shares, to: &collections))
        collections.dropIncomplete()
        // It comes once more, from its beginning.
        #expect(try !send(1, from: "w1", shares: shares, to: &collections))
    }
}
