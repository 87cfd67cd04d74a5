internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOCore

/// Whether members can be reached whose links are lost.
extension WorkerNetwork {
    /// Dials all of these members at once, with a greeting that only asks; then `reached` is posted with those that did not
    /// answer.
    ///
    /// - Parameter limit: nanoseconds in which they must have answered.
    func reach(_ members: [Roster.Member], generation: UInt32, limit: UInt64) {
        tasks.add { [self] in
            events.post(.core(.reached(outOfReach: await silent(members.map(\.address), generation, limit))))
        }
    }

    /// Does the same before this worker observes; then `preflighted` is posted.
    func preflight(_ preflight: Preflight) {
        tasks.add { [self] in
            let outOfReach = await silent(preflight.members, preflight.generation, preflight.limit)
            events.post(.core(.preflighted(generation: preflight.generation, outOfReach: outOfReach)))
        }
    }

    /// - Returns: the names of those that did not answer.
    private func silent(_ members: [WorkerAddress], _ generation: UInt32, _ limit: UInt64) async -> [String] {
        let answers = await withTaskGroup(of: (Int, Bool).self) { group in
            for (index, member) in members.enumerated() {
                group.addTask { (index, await self.answers(member, generation, limit)) }
            }
            return await group.reduce(into: [Bool](repeating: false, count: members.count)) { $0[$1.0] = $1.1 }
        }
        return zip(members, answers).filter { !$1 }.map(\.0.name)
    }

    private func answers(_ member: WorkerAddress, _ generation: UInt32, _ limit: UInt64) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.ask(member, generation, limit) }
            group.addTask {
                try? await Task.sleep(for: .nanoseconds(Int64(clamping: limit)))
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }

    private func ask(_ member: WorkerAddress, _ generation: UInt32, _ limit: UInt64) async -> Bool {
        guard let port = member.ports.first else { return false }
        let greeting = LinkGreeting(
            generation: generation, name: identity.name, process: identity.process, peerName: member.name,
            peerProcess: member.process, isProbe: true)
        let dialer = DataLinkDialer(
            group: controlGroup, contexts: contexts, limits: limits, isClear: settings.allowsClear)
        do {
            try await dialer.ask(
                Endpoint(host: member.host, port: port), greeting: greeting,
                timeout: .nanoseconds(Int64(clamping: limit))
            ) { answer in
                answer.isProbe && answer.name == member.name && answer.process == member.process
                    ? nil : "another process answers there"
            }
            return true
        } catch {
            settings.logger.debug(
                "\(member.name) cannot be reached: \((error as? LinkError)?.reason ?? "\(error)".escapedForDisplay())")
            return false
        }
    }
}
