/// Something that befalls a cluster: what, and when.
package struct Fault: Equatable, CustomStringConvertible {
    /// Workers are counted among those that are there when it happens, hosts among all; host 0 is the coordinator's.
    package enum Kind: Equatable {
        /// kill -9.
        case kill(worker: Int)
        /// SIGSTOP, and SIGCONT after so many nanoseconds.
        case stop(worker: Int, UInt64)
        /// Its computation never ends. Somebody ends the process in the end.
        case hang(worker: Int)
        /// Links break, and can be made again.
        case cutLink(Int, Int)
        case cutControl(worker: Int)
        case cutBulk(worker: Int)
        /// What is sent from one host to the other waits for so many nanoseconds.
        case block(from: Int, to: Int, UInt64)
        case partition(Int, Int, UInt64)
        case isolate(host: Int, UInt64)
        case slow(host: Int, delay: UInt64, UInt64)
        case join
        /// SIGTERM.
        case leave(worker: Int)
        case drain(worker: Int)
        /// Another process of the same name, elsewhere.
        case duplicate(worker: Int)
        /// kill -9, after so many more things that it does.
        case killCoordinator(after: Int)
        /// Killed, says everyone; but it goes on answering for so many nanoseconds.
        case undead(UInt64)
        case stopCoordinator(UInt64)
        case slowDisk(UInt64)
        /// The journal takes no more records.
        case brokenJournal
        /// No snapshot in mid-run can be written.
        case fullDisk(UInt64)
        /// A bit of its parameters.
        case flip(worker: Int, piece: Int)
        /// SIGTERM to the coordinator: the run stops, and is resumed.
        case stopRun
        /// Its shares in mid-run are of the step before.
        case staleShares(worker: Int)
        /// Its next judgement of a validation is another than everybody's.
        case misjudge(worker: Int)
        /// Before the first step: it finds that a trial was summed wrongly.
        case wrongSums(worker: Int)
        /// Before the first step: it cannot take part.
        case unable(worker: Int)
        case notFinite(step: UInt32, lane: Int)
        /// Its next audited lanes hash to something else than everybody's, so many times.
        case miscompute(worker: Int, times: Int)
        /// Feeds are counted among those that are open.
        case killSource(Int)
        case killObserver(Int)
        case stopObserver(Int, UInt64)
        /// The link of a feed breaks.
        case cutFeed(Int)
        /// The source feeds the same observer over another link.
        case renewFeed(Int)
        /// It takes so long for each thing that it is fed.
        case slowObserver(Int, time: UInt64, UInt64)
    }

    /// A moment of the protocol.
    package enum Point: String, CaseIterable {
        case hello, prepared, measure, start, freeze, frozen, plan, linked, linkDown, halted, done, fetch, release
        case level, share, apply, park, collect, journal
        case preflight, preflighted, feed, observing, feedLost, copy, item
    }

    package let kind: Kind
    /// When anyone holds this step for the first time,
    package let step: UInt32
    /// then at the next such moment (or after two seconds without one),
    package let point: Point?
    /// then after so many nanoseconds.
    package let delay: UInt64
    /// It is left out where so many faults have struck before.
    package var enough = Int.max

    package var description: String {
        let condition = enough < Int.max ? ", where fewer than \(enough) struck" : ""
        let moment = point.map { " at \($0.rawValue)" } ?? ""
        return "from step \(step)\(moment) after \(Double(delay) / 1e9) s\(condition): \(kind)"
    }
}
