internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepWire
internal import NIOCore

/// The frames of one share of S(step): its part of each vector (parameters, then the optimizer's), and with the first
/// share the numbers that belong to the state beside its vectors.
struct ShareFrames: Sequence, Sendable {
    /// Of the roster that the share was cut for.
    private let generation: UInt32
    private let step: UInt32
    /// Floats of the share.
    private let count: Int
    private let numbers: [Double]
    private let source: Source

    private enum Source: Sendable {
        /// The worker is done or frozen. Before it changes the state after all it closes the gate: the share breaks off.
        case state(FlatState, start: Int, StateGate)
        case copy(ShareCopy)
    }

    /// The share as it stands in a state that nobody changes while the gate is open.
    init(of state: FlatState, _ fetch: Fetch, generation: UInt32, numbers: [Double], gate: StateGate) {
        self.generation = generation
        let range = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count)
        step = fetch.step
        count = range.count
        self.numbers = fetch.share == 0 ? numbers : []
        source = .state(state, start: range.lowerBound, gate)
    }

    init(_ copy: ShareCopy, generation: UInt32) {
        self.generation = generation
        step = copy.step
        count = copy.count
        numbers = copy.numbers
        source = .copy(copy)
    }

    func makeIterator() -> Iterator { Iterator(frames: self) }

    private var vectorCount: Int {
        switch source {
        case .state(let state, _, _): 1 + state.vectors.count
        case .copy(let copy): copy.vectors.count
        }
    }

    private func floats(_ vector: Int, from offset: Int) -> UnsafePointer<Float> {
        switch source {
        case .state(let state, let start, _):
            UnsafePointer((vector == 0 ? state.parameters : state.vectors[vector - 1]) + start + offset)
        case .copy(let copy): UnsafePointer(copy.vectors[vector].pointer + offset)
        }
    }

    struct Iterator: IteratorProtocol {
        private let frames: ShareFrames
        private var vector = 0
        /// Floats of the vector that went out already.
        private var done = 0

        fileprivate init(frames: ShareFrames) { self.frames = frames }

        mutating func next() -> ControlFrame? {
            guard vector < frames.vectorCount, frames.count > 0 else { return numbers() }
            guard case .state(_, _, let gate) = frames.source else { return floats() }
            guard let frame = gate.read({ floats() }) else {
                // Without the rest the numbers mean nothing either.
                vector = frames.vectorCount + 1
                return nil
            }
            return frame
        }

        private mutating func floats() -> ControlFrame? {
            let count = Swift.min(StateShare.frameBytes / 4, frames.count - done)
            let bytes = UnsafeRawBufferPointer(start: frames.floats(vector, from: done), count: 4 * count)
            let header = FrameHeader(
                kind: .share, generation: frames.generation, step: frames.step, bucket: UInt16(vector),
                length: UInt32(bytes.count), offset: UInt64(4 * done))
            done += count
            if done == frames.count {
                vector += 1
                done = 0
            }
            return ControlFrame(header: header, payload: ByteBuffer(bytes: bytes))
        }

        private mutating func numbers() -> ControlFrame? {
            guard vector <= frames.vectorCount, !frames.numbers.isEmpty else { return nil }
            let bytes = frames.numbers.flatMap { number in
                withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
            }
            let header = FrameHeader(
                kind: .share, generation: frames.generation, step: frames.step, bucket: UInt16(frames.vectorCount),
                length: UInt32(bytes.count), offset: 0)
            vector = frames.vectorCount + 1
            return ControlFrame(header: header, payload: ByteBuffer(bytes: bytes))
        }
    }
}
