package import LockstepCollectives

/// Where the payload of a frame goes.
package enum FrameDestination {
    /// Into this memory, as long as the payload, valid until `didReceive` or `linkClosed`.
    case memory(UnsafeMutableRawBufferPointer)
    /// Each float of the payload is added to its neighbour in `own` as it is read: `into[i] = own[i] + payload[i]`.
    /// Both hold `length / 4` floats and are valid until `didReceive` or `linkClosed`; they may be the same.
    case sum(own: UnsafePointer<Float>, into: UnsafeMutablePointer<Float>)
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

    /// The last byte of a payload that the link had not kept itself has been read: its memory may change again. Not told
    /// for frames that a closed link drops. May come from inside `DataLinkHandler.flush`.
    func didSend(_ header: FrameHeader)

    /// So much has gone over this link that its keys should be replaced: it wants a successor. Called once at most.
    func linkIsWorn()

    /// The other side asks for a successor of this link, which this side dials.
    func linkRenewalRequested()

    /// The other side sends nothing more on this link.
    func linkRetired()

    /// The link is no more. Called once, after all others.
    func linkClosed(_ error: LinkError)
}
