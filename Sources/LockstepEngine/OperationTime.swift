/// How long one operation of a plan took, over all steps since the last time it was asked.
package struct OperationTime: Sendable, Hashable {
    /// What is computed, and the path of its module.
    package let name: String
    package var nanoseconds: UInt64
    /// Multiplications and additions of products and convolutions; 0 for what only passes over memory.
    package let flops: Double
    /// Each operand read once and each result written once.
    package let bytes: Double

    package init(name: String, nanoseconds: UInt64, flops: Double = 0, bytes: Double = 0) {
        self.name = name
        self.nanoseconds = nanoseconds
        self.flops = flops
        self.bytes = bytes
    }
}
