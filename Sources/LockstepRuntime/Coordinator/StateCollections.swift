internal import LockstepCluster
internal import LockstepCollectives

/// The states that are being collected or wait to be written. Which ones are wanted is the core's to say.
struct StateCollections: Sendable {
    private let vectorCount: Int
    private let elementCount: Int
    private let numberCount: Int
    /// In order of arrival.
    private var collectors: [StateCollector] = []
    /// Steps whose shares are not put together any more, oldest first.
    private var givenUp: [UInt32] = []
    /// The state of the end, which is never given up.
    private var last: UInt32?

    /// A worker leaves out a share while its last one is on its way, so a state may never become whole.
    private static let mostIncomplete = 4
    private static let mostGivenUp = 64

    init(vectorCount: Int, elementCount: Int, numberCount: Int) {
        self.vectorCount = vectorCount
        self.elementCount = elementCount
        self.numberCount = numberCount
    }

    /// The state of the end is collected from here on, whatever was given up before: from these shares.
    ///
    /// - Returns: whether it is whole already: the members may have sent it in mid-run.
    mutating func expectLast(_ step: UInt32, _ shares: [CoordinatorAction.StateShare]) -> Bool {
        last = step
        givenUp.removeAll { $0 == step }
        guard let index = collectors.firstIndex(where: { $0.step == step }) else {
            collectors.append(collector(step, shares))
            return false
        }
        collectors[index].expect(shares)
        return collectors[index].isComplete
    }

    /// Another generation begins. What its predecessor's members have not sent by now comes from nobody.
    mutating func dropIncomplete() { collectors.removeAll { !$0.isComplete } }

    private func collector(_ step: UInt32, _ shares: [CoordinatorAction.StateShare]) -> StateCollector {
        StateCollector(
            step: step, shares: shares, vectorCount: vectorCount, elementCount: elementCount,
            numberCount: numberCount)
    }

    /// Takes a piece of a share. What belongs to a state that was given up is left.
    ///
    /// - Parameter shares: those of the step, of which this is one.
    /// - Returns: whether the state is whole now.
    mutating func receive(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, from name: String,
        shares: [CoordinatorAction.StateShare]
    ) throws(StateCollector.Fault) -> Bool {
        guard !givenUp.contains(header.step) else { return false }
        if !collectors.contains(where: { $0.step == header.step }) {
            makeRoom()
            collectors.append(collector(header.step, shares))
        }
        // A step that is done again in another generation is collected already.
        guard let index = collectors.firstIndex(where: { $0.step == header.step && !$0.isComplete }) else {
            return false
        }
        try collectors[index].receive(header, payload, from: name)
        guard collectors[index].isComplete else { return false }
        // What is older and lacks shares is not wanted any more.
        collectors.removeAll { !$0.isComplete && $0.step < header.step }
        return true
    }

    private mutating func makeRoom() {
        guard collectors.count(where: { !$0.isComplete }) >= StateCollections.mostIncomplete,
            let oldest = collectors.firstIndex(where: { !$0.isComplete && $0.step != last })
        else { return }
        givenUp.append(collectors.remove(at: oldest).step)
        if givenUp.count > StateCollections.mostGivenUp { givenUp.removeFirst() }
    }

    /// The state of `step`, which is not kept here any more.
    mutating func take(_ step: UInt32) -> StateCollector? {
        collectors.firstIndex { $0.step == step }.map { collectors.remove(at: $0) }
    }
}
