import LockstepCluster
import LockstepCore

/// Workers that are no members.
extension Conversation {
    mutating func preflighted(_ connection: Int, outOfReach: [String] = []) -> [CoordinatorAction] {
        say(
            connection,
            .preflighted(Preflighted(generation: core.roster?.generation ?? 0, outOfReach: outOfReach)))
    }

    mutating func observing(
        _ connection: Int, _ source: String?, isCaughtUp: Bool = false, step: UInt32 = 0, reason: String? = nil
    ) -> [CoordinatorAction] {
        say(
            connection,
            .observing(
                Observing(source: source, isCaughtUp: isCaughtUp, point: StatePoint(step: step), reason: reason)))
    }

    /// Says that it can reach all members, is fed by the one that is told to, and has caught up.
    mutating func catchUp(_ connection: Int, step: UInt32 = 0) -> [CoordinatorAction] {
        var actions = preflighted(connection)
        guard let source = actions.feeds.keys.first,
            let name = core.roster?.members.first(where: { member in
                core.workerReadings.contains { $0.name == member.name && $0.processIdentifier == 100 + Int32(source) }
            })?.name
        else { return actions }
        actions += observing(connection, name)
        return actions + observing(connection, name, isCaughtUp: true, step: step)
    }

    /// Its feed comes to nothing, as its source says.
    mutating func lose(_ connection: Int, from source: Int) -> [CoordinatorAction] {
        let name = core.workerReadings.first { $0.processIdentifier == 100 + Int32(connection) }?.name ?? ""
        let lost = FeedLost(observer: name, process: ProcessNumber(UInt64(connection)), reason: "reset")
        return say(source, .feedLost(lost))
    }

    /// A worker that comes, and holds what the members hold.
    mutating func observe(_ name: String, _ connection: Int, step: UInt32 = 0) -> [CoordinatorAction] {
        join(name, connection)
        return prepared(connection) + catchUp(connection, step: step)
    }
}

extension [CoordinatorAction] {
    /// Whom each member is told to feed.
    var feeds: [Int: [String]] {
        reduce(into: [:]) {
            if case .send(let connection, .feed(let feed)) = $1 {
                $0[connection.rawValue, default: []].append(feed.observer.name)
            }
        }
    }

    var preflights: [Int: Preflight] {
        reduce(into: [:]) {
            if case .send(let connection, .preflight(let preflight)) = $1 { $0[connection.rawValue] = preflight }
        }
    }

    var infos: [String] {
        compactMap { if case .log(.info, let text, _) = $0 { text } else { nil } }
    }
}
