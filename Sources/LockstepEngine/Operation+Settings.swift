// What operations are told beside their operands.
extension Operation {
    /// How a window moves over an image.
    struct Window: Sendable, Hashable {
        var height: Int
        var width: Int
        var stride: Int
        /// Cells beside each edge.
        var padding = 0

        /// The extents of the result over an image of these extents, or nil where the window is larger than the image.
        func resultExtents(height: Int, width: Int) -> (height: Int, width: Int)? {
            let (rows, columns) = (height + 2 * padding - self.height, width + 2 * padding - self.width)
            return rows < 0 || columns < 0 ? nil : (rows / stride + 1, columns / stride + 1)
        }
    }

    /// What a dropout drops.
    struct Dropping: Sendable, Hashable {
        var probability: Double
        /// The path of its module.
        var site: String
    }

    /// What a recurrent layer does at each step, and in which order the steps come.
    struct Recurrence: Sendable, Hashable {
        enum Cell: Sendable, Hashable {
            case lstm, gru

            /// For each unit.
            var gates: Int { self == .lstm ? 4 : 3 }
            var name: String { self == .lstm ? "lstm" : "gru" }
        }

        var cell: Cell
        var reverse: Bool
    }

    /// How positions see one another.
    struct Attention: Sendable, Hashable {
        var heads: Int
        var causal: Bool
        var dropout: Dropping?
    }

    /// Some columns of each row.
    struct Slicing: Sendable, Hashable {
        /// Of one sample.
        var rows: Int
        /// Elements of a row.
        var width: Int
        var columns: Range<Int>
    }

    /// How a batch is normalised.
    struct BatchNormalization: Sendable, Hashable {
        var epsilon: Float
        /// Of the running statistics.
        var momentum: Float
        /// Values that one sample gives to each channel.
        var positions: Int
        /// A residual is added to the result.
        var hasResidual = false
        /// A ReLU comes last.
        var relu = false
    }

    /// What follows in the same kernel, in this order. Only fusion makes others than the empty one.
    struct Epilogue: Sendable, Hashable {
        enum Function: Sendable, Hashable {
            case relu
            case activation(Activation)
        }

        var function: Function?
        /// The node's last result is what goes into the function.
        var keepsArgument = false
        /// An input behind the operation's own is added.
        var hasResidual = false
        /// The node's last input is what the derivative of this function is made of; the result is multiplied by that.
        var derivative: Function?
    }
}
