internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import NIOCore

/// The links of feeds, which are of no rail and of no roster.
extension WorkerNetwork {
    /// Where feeds of this process are sent from: not a rail's loop, which has gradients to carry.
    var controlLoop: any EventLoop { controlGroup.any() }

    /// Dials an observer.
    func open(_ feed: OutgoingFeed, generation: UInt32) {
        tasks.add { [self] in
            let observer = feed.observer
            do {
                guard let port = observer.ports.first else {
                    throw LinkError.violation("\(observer.name) offers no link")
                }
                let greeting = LinkGreeting(
                    generation: generation, name: identity.name, process: identity.process, peerName: observer.name,
                    peerProcess: observer.process, isFeed: true)
                let dialer = DataLinkDialer(
                    group: feed.loop, contexts: contexts, limits: limits, isClear: settings.allowsClear)
                try await dialer.connect(
                    to: Endpoint(host: observer.host, port: port), greeting: greeting, timeout: WorkerNetwork.feedLimit
                ) { answer in
                    answer.isFeed && answer.name == observer.name && answer.process == observer.process
                        ? nil : "another process answers there"
                } receiver: { _ in
                    feed
                }
            } catch {
                feed.fail((error as? LinkError)?.reason ?? String(describing: error).escapedForDisplay())
            }
        }
    }

    private static let feedLimit = TimeAmount.seconds(5)
}
