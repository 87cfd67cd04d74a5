/// The feed of a process that is no member, as its core sees it.
struct ObservedFeed: Sendable {
    let number: Int
    let source: String
    let process: ProcessNumber
    /// The greatest that an item has said, or the greeting.
    var generation: UInt32
    /// Complete items that are not taken yet.
    var waiting: [FeedItem] = []
    /// Whether the own state is not, or not any more, what the next step of the feed goes on from.
    var needsCopy = true
    var isCaughtUp = false
    /// The greatest generation that the source has said to stand still for; 0 for none.
    var still: UInt32 = 0
    /// Why it has ended. What came before that is still taken.
    var closed: String?

    init(number: Int, source: String, process: ProcessNumber, generation: UInt32) {
        self.number = number
        self.source = source
        self.process = process
        self.generation = generation
    }
}
