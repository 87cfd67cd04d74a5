internal import LockstepCluster
internal import LockstepCore
internal import LockstepWire
internal import Logging
internal import NIOPosix

/// Keeps a coordinator's list of denied certificates as its file says, and lets it take effect.
///
/// The list only grows while a coordinator runs: a line that is damaged or gone does not let anybody in again.
struct DenyListWatch: Sendable {
    private var file: DenyListFile
    private var list: DenyList
    private var saysItIsDenied = false
    private let contexts: TLSContexts
    private let connections: CoordinatorConnections
    private let events: CoordinatorEvents
    private let logger: Logger

    /// How often the file is looked at.
    private static let interval = Duration.milliseconds(500)
    /// Damaged lines that are shown.
    private static let mostDamage = 3

    /// Reads the list for the first time; from then on nobody who is on it gets in.
    ///
    /// - Throws: `CommandError`: usage for a list that cannot be read to the last line, or is not there and must be;
    ///   refused where it denies this coordinator.
    init(
        _ place: DenyListPlace, contexts: TLSContexts, connections: CoordinatorConnections, events: CoordinatorEvents,
        logger: Logger
    ) throws(CommandError) {
        file = DenyListFile(path: place.path)
        switch file.change() {
        case .read(let read, let damaged):
            if let first = damaged.first {
                throw .usage("\(file.shown) \(first): it denies nobody; mend the line, or remove it")
            }
            list = read
        case .missing:
            guard !place.isRequired else {
                throw .usage(
                    "--denied \(file.shown): there is no such file; copy denied.jsonl from the authority's directory")
            }
            list = DenyList()
        case .unreadable(let reason): throw .usage(reason)
        case nil: list = DenyList()
        }
        self.contexts = contexts
        self.connections = connections
        self.events = events
        self.logger = logger
        guard !list.denies(contexts.certificate) else {
            throw .refused(
                "the certificate of \(contexts.name) was revoked, says \(file.shown); issue a new identity for the coordinator"
            )
        }
        contexts.revocations.replace(list)
        if !list.isEmpty { events.post(.core(.denied(list.fingerprints))) }
    }

    /// Looks at the file again and again, until the task is cancelled.
    mutating func run() async {
        while (try? await Task.sleep(for: DenyListWatch.interval)) != nil {
            // A file system may take its time, which tasks may not.
            let looked = try? await NIOThreadPool.singleton.runIfActive { [file] in
                var file = file
                let change = file.change()
                return (file, change)
            }
            guard let looked else { continue }
            file = looked.0
            if let change = looked.1 { apply(change) }
        }
    }

    private mutating func apply(_ change: DenyListFile.Change) {
        switch change {
        case .read(let read, let damaged):
            for line in damaged.prefix(DenyListWatch.mostDamage) {
                logger.warning("\(file.shown) \(line): it denies nobody; mend it. The other lines hold")
            }
            grow(by: read)
        case .missing:
            logger.info("\(file.shown) is gone; who was denied stays denied")
        case .unreadable(let reason):
            logger.warning("\(reason); who was denied stays denied, and nobody else is")
        }
    }

    private mutating func grow(by read: DenyList) {
        let before = list.certificates.count
        list.formUnion(read)
        let new = list.certificates[before...]
        guard !new.isEmpty else { return }
        let shown = new.prefix(5).map(\.subject).joined(separator: "; ")
        logger.info("revoked, says \(file.shown): \(shown)\(new.count > 5 ? " and \(new.count - 5) more" : "")")
        // In this order: rosters carry it from now on, workers are lost for this reason and no other, and then cut off.
        events.post(.core(.denied(list.fingerprints)))
        connections.lose { [list] in list.denies($0) }
        contexts.revocations.replace(list)
        if list.denies(contexts.certificate), !saysItIsDenied {
            saysItIsDenied = true
            events.post(.core(.stopRequested(reason: "the coordinator's own certificate was revoked")))
        }
    }
}
