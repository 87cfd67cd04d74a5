package import LockstepCollectives

/// Where the payload of a frame goes.
package enum FrameDestination {
    /// Into this memory, as long as the payload, valid until `didReceive` or `linkClosed`.
    case memory(UnsafeMutableRawBufferPointer)
    /// Nowhere yet: nothing more is read from this link until `DataLinkHandler.resume`, which asks again.
    case hold
}

/// Takes the frames of one data link. All calls are on the link's loop.
package protocol FrameReceiver: AnyObject {
    /// The link is open; `link` sends. Called once, before all others.
    func linkOpened(_ link: DataLinkHandler)

    /// Asked before a byte of a payload is taken. A thrown error closes the link with its description as the reason.
    func willReceive(_ header: FrameHeader) throws -> FrameDestination

    /// The whole payload is in its place. A thrown error closes the link.
    func didReceive(_ header: FrameHeader) throws

    /// The link is no more. Called once, after all others.
    func linkClosed(_ error: LinkError)
}
