package import LockstepCluster

/// A worker's yes to another that wants to link: its own greeting, and who takes the frames.
package struct DataLinkAdmission {
    package let greeting: LinkGreeting
    /// nil for a peer that only asks: the connection closes after the answer.
    package let receiver: (any FrameReceiver)?

    package init(greeting: LinkGreeting, receiver: (any FrameReceiver)?) {
        self.greeting = greeting
        self.receiver = receiver
    }
}
