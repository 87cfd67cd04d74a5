internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepWire
internal import NIOCore

/// The frames of one share of S(step): the parameters, then the optimizer's vectors. Each is copied out of the state when
/// it is asked for, so a share that waits for the coordinator takes no memory of its own.
///
/// It keeps the state alive. Nobody changes the state meanwhile: the worker is done or frozen, and the coordinator lets
/// no step begin before it has all shares.
struct ShareFrames: Sequence, Sendable {
    private let state: FlatState
    private let step: UInt32
    private let range: Range<Int>

    init(of state: FlatState, _ fetch: Fetch) {
        self.state = state
        step = fetch.step
        range = StateShare.range(fetch.share, of: fetch.count, elementCount: state.layout.count)
    }

    func makeIterator() -> Iterator { Iterator(frames: self) }

    struct Iterator: IteratorProtocol {
        private let frames: ShareFrames
        private var vector = 0
        /// Floats of the vector that went out already.
        private var done = 0

        fileprivate init(frames: ShareFrames) { self.frames = frames }

        mutating func next() -> ControlFrame? {
            let vectors = [frames.state.parameters] + frames.state.vectors
            guard vector < vectors.count, !frames.range.isEmpty else { return nil }
            let count = Swift.min(StateShare.frameBytes / 4, frames.range.count - done)
            let bytes = UnsafeRawBufferPointer(
                start: vectors[vector] + frames.range.lowerBound + done, count: 4 * count)
            let header = FrameHeader(
                kind: .share, step: frames.step, bucket: UInt16(vector), length: UInt32(bytes.count),
                offset: UInt64(4 * done))
            done += count
            if done == frames.range.count {
                vector += 1
                done = 0
            }
            return ControlFrame(header: header, payload: ByteBuffer(bytes: bytes))
        }
    }
}
