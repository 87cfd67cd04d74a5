internal import LockstepCore
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// How the commands run their services: SIGTERM ends in order, SIGINT at once.
enum CommandServices {
    /// Runs `services` until the last of them, the one that decides, has ended.
    ///
    /// - Parameter limit: seconds that they have to end in order.
    static func run(_ services: [any Service], limit: Double = 5, logger: Logger) async {
        let last = services.count - 1
        var configuration = ServiceGroupConfiguration(
            services: services.enumerated().map { index, service in
                .init(
                    service: service,
                    successTerminationBehavior: index == last ? .gracefullyShutdownGroup : .ignore,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm], cancellationSignals: [.sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(limit)
        // What the services have to say is in their outcomes.
        try? await ServiceGroup(configuration: configuration).run()
    }
}
