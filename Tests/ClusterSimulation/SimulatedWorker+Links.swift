import LockstepCluster
import LockstepCollectives
import LockstepCore

/// What goes over a data link.
enum LinkFrame {
    case exchange(FrameHeader, SimulatedExchange.Payload)
    /// A piece of a share of the state; `count` come from this holder.
    case share(pieces: Range<Int>, parameters: [UInt64], moments: [UInt64], numbers: SimulatedState?, isLast: Bool)
}

/// A data link of a generation between two processes.
final class DataLink {
    let generation: UInt32
    let dialler: SimulatedWorker
    let accepter: SimulatedWorker
    let connection: Connection
    /// Frames of each end that wait until they have a place, in order.
    private var held: [[LinkFrame]] = [[], []]
    /// Whether the end has let it in.
    var isAdmitted = [false, false]
    /// When the last frame of each end leaves.
    var leavesAt: [UInt64] = [0, 0]

    init(_ simulation: ClusterSimulation, generation: UInt32, dialler: SimulatedWorker, accepter: SimulatedWorker) {
        self.generation = generation
        self.dialler = dialler
        self.accepter = accepter
        connection = Connection(simulation, client: dialler.host, server: accepter.host)
        connection.clientClosed = { [unowned self] in ended($0, at: dialler) }
        connection.serverClosed = { [unowned self] in ended($0, at: accepter) }
    }

    func peer(of worker: SimulatedWorker) -> SimulatedWorker { worker === dialler ? accepter : dialler }

    func isOpen(_ worker: SimulatedWorker) -> Bool {
        worker === dialler ? connection.clientIsOpen : connection.serverIsOpen
    }

    func close(_ worker: SimulatedWorker, _ reason: String = "end of stream") {
        if worker === dialler { connection.closeClient(reason) } else { connection.closeServer(reason) }
    }

    func line(from worker: SimulatedWorker) -> Line {
        worker === dialler ? connection.toServer : connection.toClient
    }

    /// What was sent was not acknowledged for too long.
    func timeOut(at worker: SimulatedWorker) {
        guard isOpen(worker) else { return }
        line(from: worker).close()
        close(worker, "timed out")
        ended("timed out", at: worker)
    }

    private func ended(_ reason: String, at worker: SimulatedWorker) {
        worker.whenAwake { [self] in worker.lost(self, reason) }
    }

    func arrived(_ frame: LinkFrame, at worker: SimulatedWorker) {
        worker.whenAwake { [self] in
            guard isOpen(worker) else { return }
            held[worker === dialler ? 0 : 1].append(frame)
            takeHeld(worker)
        }
    }

    /// Takes frames as long as they have a place.
    func takeHeld(_ worker: SimulatedWorker) {
        let end = worker === dialler ? 0 : 1
        guard isAdmitted[end] else { return }
        while isOpen(worker), let frame = held[end].first {
            guard worker.take(frame, from: self) else { return }
            held[end].removeFirst()
        }
    }
}

/// The links and the exchange of a generation at one member.
final class LinkedGeneration {
    let roster: Roster
    /// nil until the member holds the state that the generation starts from.
    var exchange: SimulatedExchange?
    /// By the member's index.
    var links: [Int: DataLink] = [:]
    var trial: Measure?

    init(_ roster: Roster) { self.roster = roster }

    /// In roster order, so that a seed gives the same twice.
    var linksInOrder: [DataLink] { links.sorted { $0.key < $1.key }.map(\.value) }
}

extension SimulatedWorker {
    func link(_ roster: Roster, for measure: Measure? = nil) {
        dropGeneration()
        endObserving()
        if measure == nil { feedsBegin(roster) }
        guard let own = roster.index(of: name) else {
            return simulation.violate("\(self) links without being a member")
        }
        let generation = LinkedGeneration(roster)
        generation.trial = measure
        self.generation = generation
        // Who levels learns only from the state what turns are left.
        if let measure {
            makeExchange(TurnSchedule(trialRounds: Self.rounds(of: measure.trial)))
        } else if roster.holders.contains(name), let schedule = core.schedule {
            makeExchange(schedule)
        }
        for link in early {
            let peer = link.peer(of: self)
            let member = roster.index(of: peer.name)
            if link.generation == roster.generation, link.isOpen(self), let member,
                roster.members[member].process == peer.process, generation.links[member] == nil
            {
                admit(link, member)
            } else if link.generation <= roster.generation {
                link.close(self, "of no use")
            }
        }
        early.removeAll { $0.generation <= roster.generation || !$0.isOpen(self) }
        let patience = simulation.scenario.dialPatience * UInt64(roster.patience)
        for member in 0..<own where generation.links[member] == nil {
            if ahead.generation == roster.generation, ahead.processes.contains(roster.members[member].process) {
                continue
            }
            dial(member, generation, until: simulation.now + patience)
        }
    }

    /// Dials for a generation that is planned.
    func linkAhead(_ change: PlannedChange) {
        guard let own = change.members.firstIndex(where: { $0.process == process }) else { return }
        let number = change.generation
        ahead = (number, [])
        for peer in change.members.prefix(own) {
            ahead.processes.insert(peer.process)
            let deadline = simulation.now + simulation.scenario.dialPatience
            simulation.dial(peer.process, from: host, until: deadline) { [self] found in
                whenAwake { [self] in
                    if ahead.generation == number { ahead.processes.remove(peer.process) }
                    let link = found?.admit(linkOf: number, from: self)
                    guard let generation, generation.roster.generation == number else {
                        guard let link else { return }
                        return number > core.running ? early.append(link) : link.close(self, "of no use")
                    }
                    guard let member = generation.roster.index(of: peer.name), generation.links[member] == nil,
                        generation.roster.members[member].process == peer.process
                    else {
                        link?.close(self, "of no use")
                        return
                    }
                    guard let link else {
                        let patience = simulation.scenario.dialPatience * UInt64(generation.roster.patience)
                        return dial(member, generation, until: simulation.now + patience)
                    }
                    admit(link, member)
                }
            }
        }
    }

    func makeExchange(_ schedule: TurnSchedule) {
        guard let generation, let own = generation.roster.index(of: name),
            let plan = try? ExchangePlan(
                tree: LaneTree(laneCount: simulation.scenario.job.lanes), lanes: generation.roster.members.map(\.lanes),
                ownIndex: own, elementCount: simulation.scenario.gradient, sumCount: SimulatedExchange.sumCount,
                settings: simulation.scenario.settings)
        else { return simulation.violate("the roster makes no plan for \(self)") }
        generation.exchange = SimulatedExchange(
            plan: plan, generation: generation.roster.generation, schedule: schedule,
            elementCount: simulation.scenario.gradient)
    }

    /// Closes the links of the generation; nothing of it is computed any more.
    func dropGeneration() {
        workNumber += 1
        levelling = nil
        guard let old = generation else { return }
        generation = nil
        for link in old.linksInOrder { link.close(self, "the generation has ended") }
    }

    private func dial(_ member: Int, _ generation: LinkedGeneration, until deadline: UInt64) {
        let peer = generation.roster.members[member]
        simulation.dial(peer.process, from: host, until: deadline) { [self] found in
            whenAwake { [self] in
                guard self.generation === generation, generation.links[member] == nil else { return }
                if let found, let link = found.admit(linkOf: generation.roster.generation, from: self) {
                    admit(link, member)
                } else if simulation.now < deadline {
                    later(100_000_000...200_000_000) { [self] in
                        guard self.generation === generation else { return }
                        dial(member, generation, until: deadline)
                    }
                } else {
                    handle(
                        .linkLost(
                            peer: peer.name, generation: generation.roster.generation, reason: "cannot be reached"))
                }
            }
        }
    }

    /// The accepting side of a dial.
    ///
    /// - Returns: nil where it refuses.
    func admit(linkOf number: UInt32, from dialler: SimulatedWorker) -> DataLink? {
        guard isAlive, !isStopped, number >= core.running else { return nil }
        let link = DataLink(simulation, generation: number, dialler: dialler, accepter: self)
        guard let generation, number == generation.roster.generation else {
            // Of a generation that ended here without a successor, or that has not begun.
            guard number > core.running else { return nil }
            for old in early where old.dialler === dialler && old.generation == number {
                old.close(self, "a second link")
            }
            early.append(link)
            return link
        }
        guard let member = generation.roster.index(of: dialler.name),
            generation.roster.members[member].process == dialler.process, generation.links[member] == nil
        else { return nil }
        admit(link, member)
        return link
    }

    private func admit(_ link: DataLink, _ member: Int) {
        guard let generation else { return }
        generation.links[member] = link
        // The rest of what there is to do now comes first.
        later(1_000...200_000) { [self] in
            guard self.generation === generation, link.isOpen(self) else { return }
            handle(.linked(peer: generation.roster.members[member].name, generation: generation.roster.generation))
            link.isAdmitted[link.dialler === self ? 0 : 1] = true
            link.takeHeld(self)
        }
    }

    func lost(_ link: DataLink, _ reason: String) {
        early.removeAll { $0 === link }
        guard let generation, let (member, _) = generation.links.first(where: { $0.value === link }) else { return }
        handle(
            .linkLost(
                peer: generation.roster.members[member].name, generation: generation.roster.generation, reason: reason))
    }

    /// Puts a frame on its way: it is read when it leaves.
    func send(_ frame: @escaping () -> LinkFrame, to member: Int, sent: @escaping () -> Void = {}) {
        guard let generation, let link = generation.links[member], link.isOpen(self) else { return }
        let leave = { [self] in
            guard self.generation === generation, link.isOpen(self) else { return }
            let frame = frame()
            let peer = link.peer(of: self)
            link.line(from: self).send { link.arrived(frame, at: peer) }
            sent()
        }
        let end = link.dialler === self ? 0 : 1
        link.leavesAt[end] = max(link.leavesAt[end], simulation.now + simulation.delay(simulation.scenario.sending))
        simulation.at(link.leavesAt[end]) { [self] in whenAwake(leave) }
    }

    /// Dials members once more, all at once.
    func reach(_ members: [Roster.Member], _ limit: UInt64) {
        var missing = members.count
        var outOfReach: [String] = []
        let number = workNumber
        let answer = { [self] in
            missing -= 1
            guard missing <= 0, number == workNumber else { return }
            handle(.reached(outOfReach: members.map(\.name).filter(outOfReach.contains)))
        }
        if members.isEmpty {
            missing = 1
            return later(1_000...10_000, answer)
        }
        for member in members {
            simulation.dial(member.process, from: host, until: simulation.now + limit) { [self] found in
                whenAwake {
                    if found == nil || found?.isStopped == true { outOfReach.append(member.name) }
                    answer()
                }
            }
        }
    }
}
