internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepWire
internal import NIOCore
internal import Synchronization

/// A feed of which this process is the observer: puts items together, and holds the link while a few wait to be taken, so that they
/// pile up at their source, which knows when to begin anew.
// Safe: `link`, `assembly` and `place` are touched on `loop` only.
final class IncomingFeed: FrameReceiver, @unchecked Sendable {
    enum Event: Sendable {
        case opened
        /// Something is complete.
        case fed(FeedParcel)
        case closed(reason: String)
    }

    /// Later ones have greater numbers.
    let number: Int
    /// What the source said.
    let greeting: LinkGreeting
    private let loop: any EventLoop
    private let post: @Sendable (IncomingFeed, Event) -> Void
    private var assembly: FeedAssembly
    private var link: DataLinkHandler?
    private var place: FeedEntrance.Place?
    /// Complete, and not taken.
    private let waiting = Atomic(0)
    private let statesWaiting = Atomic(0)

    /// - Parameter post: called on the loop.
    init(
        number: Int, _ greeting: LinkGreeting, on loop: any EventLoop, _ assembly: FeedAssembly,
        _ place: FeedEntrance.Place? = nil, post: @escaping @Sendable (IncomingFeed, Event) -> Void
    ) {
        self.number = number
        self.greeting = greeting
        self.loop = loop
        self.assembly = assembly
        self.place = place
        self.post = post
    }

    // MARK: Of any thread

    /// A parcel has been taken.
    ///
    /// - Returns: how many wait behind it.
    func took(_ parcel: FeedParcel) -> Int {
        if parcel.isState { statesWaiting.subtract(1, ordering: .relaxed) }
        let rest = waiting.subtract(1, ordering: .relaxed).newValue
        loop.execute { self.link?.resume() }
        return rest
    }

    func close() { loop.execute { self.link?.close() } }

    // MARK: On the loop

    func linkOpened(_ link: DataLinkHandler) {
        self.link = link
        post(self, .opened)
    }

    func willReceive(_ header: FrameHeader) throws -> FrameDestination {
        // A state is large: nothing is taken behind it.
        let isFull =
            waiting.load(ordering: .relaxed) >= FeedItem.mostWaiting || statesWaiting.load(ordering: .relaxed) > 0
        if assembly.isBetweenItems, isFull { return .hold }
        do throws(FeedAssembly.Fault) {
            return .memory(try assembly.place(of: header))
        } catch {
            throw LinkError.violation("\(greeting.name) \(error.reason)")
        }
    }

    func didReceive(_ header: FrameHeader) throws {
        do throws(FeedAssembly.Fault) {
            guard let parcel = try assembly.took(header) else { return }
            if parcel.isState { statesWaiting.add(1, ordering: .relaxed) }
            waiting.add(1, ordering: .relaxed)
            post(self, .fed(parcel))
        } catch {
            throw LinkError.violation("\(greeting.name) \(error.reason)")
        }
    }

    func didSend(_ header: FrameHeader) {}

    /// The source, which has sent it all, sees it too.
    func linkIsWorn() {}

    func linkRenewalRequested() {}

    func linkRetired() {}

    func linkClosed(_ error: LinkError) {
        link = nil
        place = nil
        post(self, .closed(reason: error.reason))
    }
}
