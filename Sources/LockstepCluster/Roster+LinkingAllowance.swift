internal import LockstepCollectives

extension Roster {
    /// Nanoseconds that linking may take on top of its usual deadlines, on all sides. It grows with the links of a member:
    /// on a machine with many workers all handshakes share its cores.
    ///
    /// - Parameter links: of each pair of members.
    package func linkingAllowance(links: Int) -> UInt64 {
        Roster.linkingAllowance(members: members.count, links: links)
    }

    /// The same for so many members.
    package static func linkingAllowance(members: Int, links: Int) -> UInt64 {
        // The number may come from outside.
        UInt64(max(0, members - 1)) * UInt64(min(max(1, links), ExchangeSettings.mostLinks)) * 100_000_000
    }
}
