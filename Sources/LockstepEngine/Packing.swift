internal import CLockstepKernels

/// A weight in the form in which a kernel reads it, shared by all threads.
package struct Packing: Sendable, Hashable {
    package enum Form: UInt8, Sendable { case linear, linearTransposed, convolution, convolutionFlipped }

    package var form: Form
    /// Floats into the flat vector.
    package var parameter: Int
    /// Floats into the packed weights.
    package var packed: Int
    /// Geometry, and where a product reads it.
    package var instruction: Instruction

    var count: Int {
        var shape = instruction.convolution
        return switch form {
        case .linear: ls_packed_count(instruction.inputs, instruction.outputs)
        case .linearTransposed: ls_packed_count(instruction.outputs, instruction.inputs)
        case .convolution: ls_convolution_packed_count(&shape)
        case .convolutionFlipped: ls_convolution_flipped_packed_count(&shape)
        }
    }
}
