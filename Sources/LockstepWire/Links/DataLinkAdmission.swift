package import LockstepCluster

/// A worker's yes to another that wants to link: its own greeting, and who takes the frames.
package struct DataLinkAdmission {
    package let greeting: LinkGreeting
    package let receiver: any FrameReceiver

    package init(greeting: LinkGreeting, receiver: any FrameReceiver) {
        self.greeting = greeting
        self.receiver = receiver
    }
}
