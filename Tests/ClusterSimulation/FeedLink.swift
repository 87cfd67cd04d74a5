import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What goes over a feed link: an item, and behind it what belongs to it.
enum FeedFrame {
    case item(FeedItem)
    /// A piece of a copy of the state; with the last one come the numbers.
    case piece(Int, parameter: UInt64, moment: UInt64, numbers: SimulatedState?, isCorrupt: Bool)
    /// The total of a step's gradients, as it was applied.
    case total([Float])
}

/// An item with all that belongs to it.
struct WholeItem {
    let item: FeedItem
    var copy = SimulatedState()
    /// Whether what was copied was damaged.
    var isCorrupt = false
    var total: [Float] = []

    /// - Returns: false where something is missing still.
    mutating func add(_ frame: FeedFrame) -> Bool {
        switch frame {
        case .item(let item):
            // Nothing follows the others.
            return switch item.content {
            case .state, .step: false
            case .reports, .gap, .judgement, .still, .begins: true
            }
        case .piece(let piece, let parameter, let moment, let numbers, let isCorrupt):
            if let numbers {
                let parameters = copy.parameters
                let moments = copy.moments
                copy = numbers
                copy.parameters = parameters
                copy.moments = moments
            }
            copy.parameters[piece] = parameter
            copy.moments[piece] = moment
            self.isCorrupt = self.isCorrupt || isCorrupt
            return numbers != nil
        case .total(let total):
            self.total = total
            return true
        }
    }
}

/// A link on which a member feeds an observer. The source dials it.
final class FeedLink {
    /// Among all feeds of the observer.
    let number: Int
    unowned let source: SimulatedWorker
    unowned let observer: SimulatedWorker
    let connection: Connection
    /// What has come and is not read yet.
    private var unread: [FeedFrame] = []
    private var partial: WholeItem?
    /// Whole items that are not taken yet.
    private(set) var whole: [WholeItem] = []
    private var endReason: String?
    /// Whether the observer has let it in; and whether it has dropped it.
    private var isAdmitted = false
    private(set) var isForgotten = false
    /// Frames that are on their way, or not read yet.
    private(set) var unreadCount = 0

    static let window = 4

    init(_ simulation: ClusterSimulation, number: Int, source: SimulatedWorker, observer: SimulatedWorker) {
        self.number = number
        self.source = source
        self.observer = observer
        connection = Connection(simulation, client: source.host, server: observer.host)
        connection.serverClosed = { [weak self] reason in
            observer.whenAwake {
                self?.endReason = reason
                self?.read()
            }
        }
    }

    func send(_ frame: FeedFrame) {
        unreadCount += 1
        connection.toServer.send { [self] in
            observer.whenAwake { [self] in
                guard connection.serverIsOpen, !isForgotten else { return }
                unread.append(frame)
                read()
            }
        }
    }

    /// Reads on as long as few items wait to be taken.
    func read() {
        var read = 0
        while isAdmitted, !isForgotten, whole.count < FeedItem.mostWaiting, !unread.isEmpty {
            let frame = unread.removeFirst()
            read += 1
            if case .item(let item) = frame { partial = WholeItem(item: item) }
            guard var item = partial else { continue }
            let isWhole = item.add(frame)
            partial = item
            guard isWhole else { continue }
            partial = nil
            whole.append(item)
            observer.handle(.fed(feed: number, item.item))
        }
        if read > 0 {
            connection.toClient.send { [self] in
                unreadCount -= read
                source.pumpFeeds()
            }
        }
        // All that came before its end comes first.
        guard let reason = endReason, unread.isEmpty, isAdmitted, !isForgotten else { return }
        endReason = nil
        observer.handle(.feedClosed(feed: number, reason: reason))
    }

    func admit() {
        isAdmitted = true
        read()
    }

    func removeFirst() { whole.removeFirst() }

    /// What was not taken of it is nobody's any more.
    func forget(_ reason: String) {
        isForgotten = true
        unread = []
        partial = nil
        whole = []
        connection.closeServer(reason)
    }

    /// What was sent was not acknowledged for too long.
    func timeOut() {
        connection.toServer.close()
        connection.closeClient("timed out")
    }
}
