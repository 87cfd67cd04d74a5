internal import LockstepCore
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What all dialling has in common.
enum Dialing {
    /// Cancelling the task closes what is not open yet.
    ///
    /// - Throws: `LinkError`.
    static func connect<Product: Sendable>(
        _ bootstrap: ClientBootstrap, to endpoint: Endpoint, _ rules: DialingHandler<Product>.Rules, timeout: TimeAmount
    ) async throws -> Product {
        let attempts = DialingAttempts()
        return try await withTaskCancellationHandler {
            try await connect(bootstrap, to: endpoint, rules, timeout: timeout, attempts)
        } onCancel: {
            attempts.cancel()
        }
    }

    private static func connect<Product: Sendable>(
        _ bootstrap: ClientBootstrap, to endpoint: Endpoint, _ rules: DialingHandler<Product>.Rules,
        timeout: TimeAmount, _ attempts: DialingAttempts
    ) async throws -> Product {
        let opened: EventLoopFuture<Product>
        do {
            opened =
                try await bootstrap
                .connectTimeout(timeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: endpoint.host, port: endpoint.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let promise = channel.eventLoop.makePromise(of: Product.self)
                        let handler = DialingHandler(rules, promise: promise)
                        do {
                            try attempts.add(channel)
                            if !rules.isClear {
                                try channel.pipeline.syncOperations.addHandler(
                                    NIOSSLClientHandler(context: rules.contexts.client, serverHostname: nil)
                                )
                            }
                            try channel.pipeline.syncOperations.addHandler(handler)
                        } catch {
                            promise.fail(error)
                            throw error
                        }
                        return promise.futureResult
                    }
                }
        } catch {
            throw LinkError.unreachable("\(rules.place) cannot be reached: \(words(error))")
        }
        do {
            return try await opened.get()
        } catch {
            throw (error as? LinkError) ?? .closed("\(rules.place) closed the connection before it was open")
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first { return words(failure.error) }
            return "its host name is not known"
        case let error as IOError: return TLSFailure.shown(error)
        case let error as ChannelError:
            if case .connectTimeout(let time) = error { return "no answer within \(time.shownInSeconds)" }
            return "\(error)".escapedForDisplay()
        default: return "\(error)".escapedForDisplay()
        }
    }
}
