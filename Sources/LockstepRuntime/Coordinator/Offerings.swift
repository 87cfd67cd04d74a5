internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import NIOCore
internal import NIOPosix

/// What a coordinator streams to workers that ask: files of the job, and the state that the run resumes from.
///
/// A file goes as frames in order and a last one without payload; `bucket` is its place in the worker's list. A vector of
/// the state goes the same way. Each frame waits until the system has taken the one before, so a worker that does not
/// read holds up nobody else.
struct Offerings: Sendable {
    /// The contents of a file as they travel, by its name in the job.
    let file: @Sendable (String) throws(CommandError) -> [UInt8]
    /// The vectors of the state, little-endian: parameters, the optimizer's, then the numbers beside them.
    let state: @Sendable () -> [[UInt8]]?

    /// Answers a request. What cannot be given is said in a RELEASE, with which the worker ends.
    ///
    /// - Parameter streamed: called after each frame.
    func serve(_ want: Want, on link: ControlLink, streamed: @Sendable () -> Void) async throws {
        for (index, name) in want.files.enumerated() {
            let bytes: [UInt8]
            do {
                // A large file takes a while, which tasks may not.
                bytes = try await NIOThreadPool.singleton.runIfActive { [file] in try file(name) }
            } catch {
                let error = error as? CommandError ?? .failed(String(describing: error).escapedForDisplay())
                return try await link.send(
                    ControlFrame(.release(Release(reason: error.message, exitCode: error.exitCode))))
            }
            try await send(bytes, kind: .file, index: index, on: link, streamed)
        }
        guard want.state else { return }
        guard let vectors = state() else {
            let release = Release(reason: "the coordinator has no state to resume from any more", exitCode: .temporary)
            return try await link.send(ControlFrame(.release(release)))
        }
        for (index, bytes) in vectors.enumerated() {
            try await send(bytes, kind: .state, index: index, on: link, streamed)
        }
    }

    private func send(
        _ bytes: [UInt8], kind: FrameKind, index: Int, on link: ControlLink, _ streamed: () -> Void
    ) async throws {
        for start in stride(from: 0, through: bytes.count, by: Want.frameBytes) {
            let end = min(start + Want.frameBytes, bytes.count)
            try await link.send(frame(bytes[start..<end], kind: kind, index: index, offset: start))
            streamed()
            // The end is a frame of its own, so that a file of whole frames has one too.
            if end == bytes.count, end > start {
                return try await link.send(frame([], kind: kind, index: index, offset: end))
            }
        }
    }

    private func frame(_ bytes: ArraySlice<UInt8>, kind: FrameKind, index: Int, offset: Int) -> ControlFrame {
        ControlFrame(
            header: FrameHeader(kind: kind, bucket: UInt16(index), length: UInt32(bytes.count), offset: UInt64(offset)),
            payload: ByteBuffer(bytes: bytes))
    }
}
