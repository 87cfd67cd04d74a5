/// Everything that coordinator and worker say to each other. In JSON an object with a `"type"` and the payload's keys.
package enum ControlMessage: Sendable, Equatable {
    // From a worker.
    case hello(Hello)
    case prepared(Prepared)
    case unable(Unable)
    case linked(generation: UInt32)
    case linkDown(LinkDown)
    case progress(Progress)
    case frozen(Frozen)
    case halted(Halted)
    case done(Done)
    case pong(Pong)
    case measured(Measured)
    case leaving(Leaving)
    case damage(Damage)
    case feedLost(FeedLost)
    case observing(Observing)
    case preflighted(Preflighted)
    // From the coordinator.
    case welcome(Welcome)
    case refused(reason: String)
    case start(Start)
    /// Before the start: see how long an all-reduce takes.
    case measure(Measure)
    case freeze(Freeze)
    /// The generation changes after the step in hand, or the next one.
    case plan(PlannedChange)
    case fetch(Fetch)
    case release(Release)
    case ping(Ping)
    /// To a member: let this process observe.
    case feed(Feed)
    /// To a process that is to observe: dial all members once.
    case preflight(Preflight)
}

extension ControlMessage: Codable {
    private enum Kind: String, Codable {
        case hello, prepared, unable, linked, linkDown, progress, frozen, halted, done, pong, measured, leaving, damage
        case feedLost, observing, preflighted
        case welcome, refused, start, measure, freeze, plan, fetch, release, ping, feed, preflight
    }

    private enum Key: String, CodingKey {
        case type, generation, reason
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func generation() throws -> UInt32 { try container.decode(UInt32.self, forKey: .generation) }
        switch try container.decode(Kind.self, forKey: .type) {
        case .hello: self = .hello(try Hello(from: decoder))
        case .prepared: self = .prepared(try Prepared(from: decoder))
        case .unable: self = .unable(try Unable(from: decoder))
        case .linked: self = .linked(generation: try generation())
        case .linkDown: self = .linkDown(try LinkDown(from: decoder))
        case .progress: self = .progress(try Progress(from: decoder))
        case .frozen: self = .frozen(try Frozen(from: decoder))
        case .halted: self = .halted(try Halted(from: decoder))
        case .done: self = .done(try Done(from: decoder))
        case .pong: self = .pong(try Pong(from: decoder))
        case .measured: self = .measured(try Measured(from: decoder))
        case .leaving: self = .leaving(try Leaving(from: decoder))
        case .damage: self = .damage(try Damage(from: decoder))
        case .feedLost: self = .feedLost(try FeedLost(from: decoder))
        case .observing: self = .observing(try Observing(from: decoder))
        case .preflighted: self = .preflighted(try Preflighted(from: decoder))
        case .welcome: self = .welcome(try Welcome(from: decoder))
        case .refused: self = .refused(reason: try container.decode(String.self, forKey: .reason))
        case .start: self = .start(try Start(from: decoder))
        case .measure: self = .measure(try Measure(from: decoder))
        case .freeze: self = .freeze(try Freeze(from: decoder))
        case .plan: self = .plan(try PlannedChange(from: decoder))
        case .fetch: self = .fetch(try Fetch(from: decoder))
        case .release: self = .release(try Release(from: decoder))
        case .ping: self = .ping(try Ping(from: decoder))
        case .feed: self = .feed(try Feed(from: decoder))
        case .preflight: self = .preflight(try Preflight(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(kind, forKey: .type)
        switch self {
        case .hello(let payload): try payload.encode(to: encoder)
        case .prepared(let payload): try payload.encode(to: encoder)
        case .unable(let payload): try payload.encode(to: encoder)
        case .linkDown(let payload): try payload.encode(to: encoder)
        case .progress(let payload): try payload.encode(to: encoder)
        case .frozen(let payload): try payload.encode(to: encoder)
        case .halted(let payload): try payload.encode(to: encoder)
        case .done(let payload): try payload.encode(to: encoder)
        case .pong(let payload): try payload.encode(to: encoder)
        case .measured(let payload): try payload.encode(to: encoder)
        case .leaving(let payload): try payload.encode(to: encoder)
        case .damage(let payload): try payload.encode(to: encoder)
        case .feedLost(let payload): try payload.encode(to: encoder)
        case .observing(let payload): try payload.encode(to: encoder)
        case .preflighted(let payload): try payload.encode(to: encoder)
        case .freeze(let payload): try payload.encode(to: encoder)
        case .ping(let payload): try payload.encode(to: encoder)
        case .welcome(let payload): try payload.encode(to: encoder)
        case .start(let payload): try payload.encode(to: encoder)
        case .measure(let payload): try payload.encode(to: encoder)
        case .fetch(let payload): try payload.encode(to: encoder)
        case .release(let payload): try payload.encode(to: encoder)
        case .feed(let payload): try payload.encode(to: encoder)
        case .preflight(let payload): try payload.encode(to: encoder)
        case .plan(let payload): try payload.encode(to: encoder)
        case .linked(let generation): try container.encode(generation, forKey: .generation)
        case .refused(let reason): try container.encode(reason, forKey: .reason)
        }
    }

    private var kind: Kind {
        switch self {
        case .hello: .hello
        case .prepared: .prepared
        case .unable: .unable
        case .linked: .linked
        case .linkDown: .linkDown
        case .progress: .progress
        case .frozen: .frozen
        case .halted: .halted
        case .done: .done
        case .pong: .pong
        case .measured: .measured
        case .leaving: .leaving
        case .damage: .damage
        case .feedLost: .feedLost
        case .observing: .observing
        case .preflighted: .preflighted
        case .welcome: .welcome
        case .refused: .refused
        case .start: .start
        case .measure: .measure
        case .freeze: .freeze
        case .plan: .plan
        case .fetch: .fetch
        case .release: .release
        case .ping: .ping
        case .feed: .feed
        case .preflight: .preflight
        }
    }

    /// The word that names this message in JSON and in logs.
    package var type: String { kind.rawValue }
}
