internal import CLockstepSystem
internal import LockstepCluster

/// The cores of this process: those it was started on, or its part of them where several workers share a host.
struct HostCores {
    /// Compute threads: never more than cores where the cores are shared out.
    private(set) var threads: Int
    private let wantedThreads: Int
    private let isShared: Bool
    /// Those that the process was started on.
    private let all: [Int32]
    private var share = HostShare.all

    /// - Parameter isShared: whether the workers of a host share its cores out; false where this one was told its own.
    init(threads: Int, isShared: Bool) {
        self.threads = threads
        wantedThreads = threads
        self.isShared = isShared
        all = Machine.coreNumbers
    }

    /// The cores of a part: contiguous and about equal parts, where every worker gets one at least; else all.
    static func part(_ share: HostShare, of cores: [Int32]) -> ArraySlice<Int32> {
        guard (0..<share.count).contains(share.index), share.count <= cores.count else { return cores[...] }
        return cores[share.index * cores.count / share.count..<(share.index + 1) * cores.count / share.count]
    }

    /// Keeps this process, with all its threads, on its part of the cores.
    mutating func take(_ share: HostShare) {
        guard isShared, share != self.share else { return }
        self.share = share
        let part = Array(HostCores.part(share, of: all))
        guard !part.isEmpty, ls_system_run_process_on(part, part.count) == 0 else { return }
        threads = min(wantedThreads, part.count)
    }
}
