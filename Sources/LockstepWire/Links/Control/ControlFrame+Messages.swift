package import LockstepCluster
internal import LockstepCollectives
internal import NIOCore

extension ControlFrame {
    /// - Throws: `ControlMessageCoding.Fault`.
    package init(_ message: ControlMessage) throws(ControlMessageCoding.Fault) {
        self.init(kind: .message, payload: ByteBuffer(bytes: try ControlMessageCoding.encode(message)))
    }

    init(_ greeting: LinkGreeting) throws(ControlMessageCoding.Fault) {
        self.init(kind: .link, payload: ByteBuffer(bytes: try ControlMessageCoding.encode(greeting)))
    }

    /// The message in this frame.
    ///
    /// - Throws: `LinkError.violation` for another kind of frame and for JSON that is no message.
    package func message() throws(LinkError) -> ControlMessage {
        guard header.kind == .message else {
            throw .violation("a frame of kind \(header.kind) came where a message is due")
        }
        do {
            return try ControlMessageCoding.decodeMessage(Array(payload.readableBytesView))
        } catch {
            throw .violation(error.description)
        }
    }

    func linkGreeting() throws(LinkError) -> LinkGreeting {
        guard header.kind == .link else {
            throw .violation("a frame of kind \(header.kind) came where a link's greeting is due")
        }
        do {
            return try ControlMessageCoding.decodeGreeting(Array(payload.readableBytesView))
        } catch {
            throw .violation(error.description)
        }
    }
}
