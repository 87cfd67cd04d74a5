import LockstepCollectives
import LockstepWire
import Synchronization

/// Takes frames of any kind into memory of its own, and tells the test. One link, one loop.
final class TestReceiver: FrameReceiver {
    enum Event: Sendable, Equatable {
        case opened
        case frame(FrameHeader, [UInt8])
        case sent(FrameHeader)
        case worn
        case renewalRequested
        case retired
        case closed(LinkError)
    }

    /// Consulted before each frame; nil takes it.
    var answer: ((FrameHeader) throws -> FrameDestination?) = { _ in nil }
    var onOpen: (DataLinkHandler) -> Void = { _ in }
    var onWorn: (DataLinkHandler?) -> Void = { _ in }
    var onRetired: (DataLinkHandler?) -> Void = { _ in }
    /// Where the payload of a `.sum` or of memory that the test gave is told from.
    var seen: ((FrameHeader) -> [UInt8])?
    private(set) var events: [Event] = []
    private(set) var link: DataLinkHandler?
    private let report: @Sendable (Event) -> Void
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init(_ report: @escaping @Sendable (Event) -> Void = { _ in }) { self.report = report }

    deinit { memory.deallocate() }

    func linkOpened(_ link: DataLinkHandler) {
        self.link = link
        happened(.opened)
        onOpen(link)
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination {
        if let answer = try answer(header) { return answer }
        guard header.length <= 64 << 20 else { throw LinkError.violation("\(header.length) bytes have no place") }
        memory.deallocate()
        memory = .allocate(byteCount: Int(header.length), alignment: 64)
        return .memory(memory)
    }

    func didSend(_ header: FrameHeader) { happened(.sent(header)) }

    func linkIsWorn() {
        happened(.worn)
        onWorn(link)
    }

    func linkRenewalRequested() { happened(.renewalRequested) }

    func linkRetired() {
        happened(.retired)
        onRetired(link)
    }

    func didReceive(_ header: FrameHeader) throws { happened(.frame(header, seen?(header) ?? Array(memory))) }

    func linkClosed(_ error: LinkError) {
        link = nil
        happened(.closed(error))
    }

    private func happened(_ event: Event) {
        events.append(event)
        report(event)
    }
}
