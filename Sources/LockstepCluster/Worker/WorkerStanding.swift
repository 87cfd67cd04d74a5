/// How far a worker has come, as every HELLO says.
package struct WorkerStanding: Sendable, Hashable {
    /// The generation of the last START, 0 for none.
    package var running: UInt32 = 0
    /// The greatest generation promised, 0 for none.
    package var promised: UInt32 = 0
    /// The greatest incarnation of a coordinator that it has heard, 0 for none.
    package var incarnation: UInt32 = 0
    package var isPrepared = false

    package init() {}
}
