internal import LockstepCluster
internal import LockstepCollectives

/// The states that are being collected or wait to be written. Which ones are wanted is the core's to say.
struct StateCollections: Sendable {
    private let vectorCount: Int
    private let elementCount: Int
    private let numberCount: Int
    private var collectors: [StateCollector] = []

    init(vectorCount: Int, elementCount: Int, numberCount: Int) {
        self.vectorCount = vectorCount
        self.elementCount = elementCount
        self.numberCount = numberCount
    }

    /// Takes a piece of a share.
    ///
    /// - Parameter shares: those of the step, of which this is one.
    /// - Returns: whether the state is whole now.
    mutating func receive(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, from name: String,
        shares: [CoordinatorAction.StateShare]
    ) throws(StateCollector.Fault) -> Bool {
        if !collectors.contains(where: { $0.step == header.step }) {
            collectors.append(
                StateCollector(
                    step: header.step, shares: shares, vectorCount: vectorCount, elementCount: elementCount,
                    numberCount: numberCount))
        }
        guard let index = collectors.firstIndex(where: { $0.step == header.step }) else { return false }
        try collectors[index].receive(header, payload, from: name)
        return collectors[index].isComplete
    }

    /// The state of `step`, which is not kept here any more.
    mutating func take(_ step: UInt32) -> StateCollector? {
        collectors.firstIndex { $0.step == step }.map { collectors.remove(at: $0) }
    }
}
