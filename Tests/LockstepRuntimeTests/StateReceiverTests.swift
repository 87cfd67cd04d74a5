import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepTestSupport
import Testing

@testable import LockstepRuntime

/// The shares of a state, frame by frame as they travel, but without links.
@Suite struct StateReceiverTests {
    private static let elementCount = 16 * 9 + 5

    private static func roster(members: Int, holders: Set<Int>) -> Roster {
        Roster(
            generation: 4,
            members: (0..<members).map {
                Roster.Member(
                    name: "w\($0)", process: ProcessNumber(UInt64($0 + 1)), host: "h", ports: [1], lanes: $0..<$0 + 1)
            }, start: StatePoint(step: 9), stateHash: StateHash(high: 0, low: 0),
            holders: holders.sorted().map { "w\($0)" }, exchange: ExchangeSettings())
    }

    private static func pieces(members: Int, holders: Set<Int>, elementCount: Int = elementCount) -> StatePieces {
        StatePieces(
            roster(members: members, holders: holders), vectorCount: 2, elementCount: elementCount, numberCount: 3)
    }

    private static func value(_ vector: Int, _ index: Int) -> Float { Float(vector * 1000 + index) }

    /// Takes a frame as a link does.
    private static func take(
        _ frame: (header: FrameHeader, vector: Int, floats: Range<Int>), from member: Int,
        _ receiver: inout StateReceiver
    ) throws {
        let place = try receiver.place(of: frame.header, from: member)
        let floats = frame.floats.map { value(frame.vector, $0) }
        floats.withUnsafeBytes { place.copyMemory(from: $0) }
        receiver.took(frame.header, from: member)
    }

    /// Each holder's frames in order, the holders' among each other in any.
    @Test(arguments: 1...6) func sharesBecomeTheState(holders: Int) throws {
        var random = SeededGenerator(seed: UInt64(holders))
        let pieces = Self.pieces(members: holders + 1, holders: Set(1...holders))
        #expect(pieces.needers == [0])
        let staged = StagedState(pieces)
        var receiver = StateReceiver(pieces, into: staged)
        var waiting = pieces.holders.enumerated().map { ($1, pieces.frames(ofShare: $0)[...]) }
        while !waiting.isEmpty {
            #expect(!receiver.isComplete)
            let index = Int.random(in: 0..<waiting.count, using: &random)
            if let frame = waiting[index].1.popFirst() { try Self.take(frame, from: waiting[index].0, &receiver) }
            if waiting[index].1.isEmpty { waiting.remove(at: index) }
        }
        #expect(receiver.isComplete)
        for vector in 0..<3 {
            let memory = staged.memory(vector)
            #expect((0..<memory.count).allSatisfy { memory.pointer[$0] == Self.value(vector, $0) })
        }
    }

    /// A share that is longer than a frame, and one that is empty.
    @Test func framesOfAShare() {
        let large = Self.pieces(members: 2, holders: [0], elementCount: 16 * 10_000)
        let frames = large.frames(ofShare: 0)
        #expect(frames.filter { $0.vector == 0 }.count == 3)
        #expect(frames.allSatisfy { $0.header.length <= StateShare.frameBytes })
        #expect(frames.last?.vector == 2)
        let small = Self.pieces(members: 4, holders: [0, 1, 2], elementCount: 16)
        // The first has no floats, but the numbers.
        #expect((0..<3).map { small.frames(ofShare: $0).count } == [1, 0, 2])
    }

    /// A wrong frame is refused before a byte of it has a place, and nothing is counted.
    @Test func wrongFramesAreRefused() throws {
        let pieces = Self.pieces(members: 3, holders: [0, 1])
        var receiver = StateReceiver(pieces, into: StagedState(pieces))
        let right = pieces.frames(ofShare: 1)[0].header
        func isRefused(from member: Int = 1, _ change: (inout FrameHeader) -> Void) -> Bool {
            var header = right
            change(&header)
            return (try? receiver.place(of: header, from: member)) == nil
        }
        #expect(!isRefused { _ in })
        #expect(isRefused(from: 2) { _ in }, "who lacks the state sends none")
        #expect(isRefused(from: 7) { _ in })
        #expect(isRefused { $0.generation = 3 })
        #expect(isRefused { $0.step = 8 })
        #expect(isRefused { $0.kind = .state })
        #expect(isRefused { $0.phase = 1 })
        #expect(isRefused { $0.part = 1 })
        #expect(isRefused { $0.bucket = 3 })
        #expect(isRefused { $0.bucket = 2 }, "the numbers come with the first share")
        #expect(isRefused { $0.offset = 4 })
        #expect(isRefused { $0.offset = UInt64.max })
        #expect(isRefused { $0.length = 0 })
        #expect(isRefused { $0.length -= 1 })
        #expect(isRefused { $0.length += 4 })
        receiver.took(right, from: 1)
        #expect(isRefused { _ in }, "twice the same")
        #expect(!receiver.isComplete)
    }
}
