/// Which part of a host's cores is a worker's: the workers of a host share them out in roster order. A worker that was told
/// its cores keeps those.
package struct HostShare: Sendable, Hashable, Codable {
    /// Among the workers of its host, from 0.
    package var index: Int
    /// How many workers the host has.
    package var count: Int

    package init(index: Int, count: Int) {
        self.index = index
        self.count = count
    }

    /// The whole host.
    package static let all = HostShare(index: 0, count: 1)
}
