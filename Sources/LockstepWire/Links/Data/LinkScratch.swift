internal import NIOPosix

/// Memory in which a link gathers what it writes; one for each thread, since nothing in it outlives a flush.
final class LinkScratch {
    // Safe to share: each thread sees its own value only.
    private static nonisolated(unsafe) let ofThread = ThreadSpecificVariable<LinkScratch>()

    /// That of the calling thread.
    static var current: LinkScratch {
        if let scratch = ofThread.currentValue { return scratch }
        let scratch = LinkScratch()
        ofThread.currentValue = scratch
        return scratch
    }

    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: OutgoingFrames.scratchBytes, alignment: 64)

    private init() {}

    deinit { memory.deallocate() }
}
