/// How the labels of a table are read.
enum LabelRule: Sendable {
    /// Numbers.
    case numbers
    /// Classes; their names are those that occur.
    case classes
    /// What the training data has.
    case known(SampleTarget, [String])
}
