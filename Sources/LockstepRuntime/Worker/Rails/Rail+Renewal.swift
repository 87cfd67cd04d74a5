internal import LockstepCluster
internal import LockstepWire

/// Links whose keys have served for long get successors. On the loop.
extension Rail {
    /// Keys of this link have served for long, here or on the other side: it gets a successor, which the side dials that
    /// dialled the first one.
    func renew(_ receiver: RailLink) {
        receiver.isWorn = true
        // One that is not read yet has its turn when it is.
        guard let member = receiver.member, let roster, let links = links[member], links.current === receiver,
            links.beginRenewal()
        else { return }
        if member < own {
            post(.renew(member: member, roster: roster, renewal: links.renewal + 1))
        } else {
            receiver.link?.requestRenewal()
        }
    }

    /// A successor could not be dialled.
    func renewalFailed(_ member: Int, generation: UInt32, reason: String) {
        guard generation == self.generation, links.indices.contains(member) else { return }
        lose(member, reason: "the link could not be renewed: \(reason)")
    }

    func retired(_ receiver: RailLink) {
        guard let member = receiver.member, let links = links[member] else { return }
        guard let old = links.retired(receiver) else {
            return lose(member, reason: "\(members[member].name) ended a link that has no successor")
        }
        // A peer that leaves it open may not keep it for ever.
        old.expire(after: limits.waiting, on: loop)
        renewIfWorn(member)
    }

    func renewIfWorn(_ member: Int) {
        guard let link = links[member]?.current, link.isWorn else { return }
        renew(link)
    }
}
