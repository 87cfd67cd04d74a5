internal import LockstepCore
internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// `control.sock` of a run directory: a request line in, an answer line out, then it closes. Whoever may write to the
/// directory's files may ask.
final class ControlSocket: Sendable {
    /// Called on an event loop for each request line; the answer may come from any thread.
    typealias Answering = @Sendable (_ request: String, _ answer: @escaping @Sendable (String) -> Void) -> Void

    private let channel: any Channel
    private let path: String
    /// Keeps the way to a path alive that is too long for a socket's address.
    private let directory: Int32

    private init(channel: any Channel, path: String, directory: Int32) {
        self.channel = channel
        self.path = path
        self.directory = directory
    }

    deinit { if directory >= 0 { closeDescriptor(directory) } }

    /// Listens. The caller holds the run directory's lock, so what stands there is a dead coordinator's.
    ///
    /// - Throws: what the system says; a run can do without.
    static func listen(
        in run: RunDirectory, on group: any EventLoopGroup, answering: @escaping Answering
    ) async throws -> ControlSocket {
        unlink(run.controlSocket)
        let directory = open(run.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        do {
            let channel = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ControlRequestHandler(answering))
                    }
                }
                .bind(unixDomainSocketPath: SocketPath.usable(run.controlSocket, directory: directory)).get()
            chmod(run.controlSocket, 0o700)
            return ControlSocket(channel: channel, path: run.controlSocket, directory: directory)
        } catch {
            if directory >= 0 { closeDescriptor(directory) }
            throw error
        }
    }

    func close() async {
        try? await channel.close()
        unlink(path)
    }
}

/// The system's `close`, which a method of that name would hide.
private func closeDescriptor(_ descriptor: Int32) { close(descriptor) }

/// One connection: the first line is the request.
private final class ControlRequestHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let longestRequest = 4096
    private static let deadline = TimeAmount.seconds(5)

    private let answering: ControlSocket.Answering
    private var request: [UInt8] = []
    private var isAsked = false

    init(_ answering: @escaping ControlSocket.Answering) { self.answering = answering }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.eventLoop.scheduleTask(in: ControlRequestHandler.deadline) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isAsked else { return }
        request += unwrapInboundIn(data).readableBytesView
        guard let end = request.firstIndex(of: UInt8(ascii: "\n")) else {
            if request.count > ControlRequestHandler.longestRequest { context.close(promise: nil) }
            return
        }
        isAsked = true
        let channel = context.channel
        answering(String(decoding: request[..<end], as: UTF8.self)) { answer in
            let line = ByteBuffer(string: answer + "\n")
            channel.writeAndFlush(line).whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Addresses of sockets in directories with long names.
enum SocketPath {
    /// The path itself where a socket's address has room for it, else one by way of an open directory.
    static func usable(_ path: String, directory: Int32) -> String {
        let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        guard path.utf8.count >= room, directory >= 0, let slash = path.lastIndex(of: "/") else { return path }
        return "/proc/self/fd/\(directory)\(path[slash...])"
    }
}
