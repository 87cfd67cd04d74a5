internal import CLockstepSystem
internal import LockstepCluster

/// The cores of this process: those it was started on, or its part of them where several workers share a host.
struct HostCores {
    private(set) var threads: Int
    /// What the user said, if anything: that many there are; else never more than cores.
    private let wantedThreads: Int?
    private let isShared: Bool
    /// Those that the process was started on.
    private let all: [Int32]
    private var share = HostShare.all

    /// - Parameters:
    ///   - threads: nil for as many as cores.
    ///   - isShared: whether the workers of a host share its cores out; false where this one was told its own.
    init(threads: Int?, isShared: Bool) {
        all = Machine.coreNumbers
        self.threads = threads ?? max(1, all.count)
        wantedThreads = threads
        self.isShared = isShared
    }

    /// The cores of a part: contiguous and about equal parts, where every worker gets one at least; else all.
    static func part(_ share: HostShare, of cores: [Int32]) -> ArraySlice<Int32> {
        guard share.index >= 0, share.index < share.count, share.count <= cores.count else { return cores[...] }
        return cores[share.index * cores.count / share.count..<(share.index + 1) * cores.count / share.count]
    }

    /// Keeps this process, with all its threads, on its part of the cores.
    mutating func take(_ share: HostShare) {
        guard isShared, share != self.share else { return }
        self.share = share
        let part = Array(HostCores.part(share, of: all))
        guard !part.isEmpty, ls_system_run_process_on(part, part.count) == 0 else { return }
        threads = wantedThreads ?? part.count
    }
}
