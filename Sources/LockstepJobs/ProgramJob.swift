internal import Synchronization

/// The job of this executable where it is a program of the user's own. Set once, before any command runs.
package enum ProgramJob {
    private static let maker = Mutex<(@Sendable () -> Job)?>(nil)

    /// Tells where the job comes from; it is made anew for each use, since a model has identity.
    package static func register(_ make: @escaping @Sendable () -> Job) {
        maker.withLock { $0 = make }
    }

    /// Whether this executable is such a program.
    package static var isRegistered: Bool { maker.withLock { $0 != nil } }

    /// The job, or nil where this executable only reads job files.
    package static var current: Job? { maker.withLock { $0 }?() }
}
