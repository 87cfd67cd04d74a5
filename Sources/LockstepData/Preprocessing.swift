package import LockstepCore

/// How foreign data becomes inputs like those of the training: kept in snapshots as JSON, used for test data and
/// predictions.
public struct Preprocessing: Sendable, Hashable, Codable {
    /// The extents of one input.
    public var inputShape: [Int]
    public var target: SampleTarget
    /// The names of the classes by number; empty where classes are only numbers or targets are values.
    public var classNames: [String]
    /// Where inputs are images.
    public var images: ImagePreprocessing?
    /// Where inputs are rows of a table.
    public var table: TablePreprocessing?
    /// Where inputs are tokens: what these stand for.
    public var tokens: TokenKind?
    /// Where tokens are words.
    public var text: TextPreprocessing?

    public init(
        inputShape: [Int], target: SampleTarget, classNames: [String] = [], images: ImagePreprocessing? = nil,
        table: TablePreprocessing? = nil, tokens: TokenKind? = nil, text: TextPreprocessing? = nil
    ) {
        self.inputShape = inputShape
        self.target = target
        self.classNames = classNames
        self.images = images
        self.table = table
        self.tokens = tokens
        self.text = text
    }

    /// Adds what transforms do to every image, also outside training.
    package func adding(_ transforms: Transforms) -> Preprocessing {
        var sum = self
        if let normalization = transforms.normalization { sum.images?.normalization = normalization }
        return sum
    }

    /// Checks what came from a file.
    ///
    /// - Throws: a failure that says what is wrong.
    package func validate() throws(CommandError) {
        var elements = 1
        for extent in inputShape {
            let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
            guard extent > 0, !overflow, product <= 1 << 28 else { throw Preprocessing.damaged("its shape") }
            elements = product
        }
        switch target {
        case .classes(let count):
            guard (1...1 << 24).contains(count), classNames.isEmpty || classNames.count == count else {
                throw Preprocessing.damaged("its classes")
            }
        case .values(let count):
            guard (1...1 << 24).contains(count), classNames.isEmpty else { throw Preprocessing.damaged("its values") }
        case .classSequence(let classes, let length):
            guard (1...1 << 24).contains(classes), (1...1 << 24).contains(length), classNames.isEmpty else {
                throw Preprocessing.damaged("its classes")
            }
        }
        if let images {
            guard inputShape.count == 3, images.isSound(channels: inputShape[2]) else {
                throw Preprocessing.damaged("its images")
            }
        }
        if let table {
            guard table.isSound, inputShape == [table.inputCount] else { throw Preprocessing.damaged("its table") }
        }
        guard tokens == nil || inputShape.count == 1, (tokens == .words) == (text != nil) else {
            throw Preprocessing.damaged("its tokens")
        }
        if let text {
            guard text.isSound, inputShape == [text.length] else { throw Preprocessing.damaged("its text") }
        }
    }

    private static func damaged(_ what: String) -> CommandError {
        CommandError(.verification, "the preprocessing in the snapshot is damaged: \(what); use another snapshot")
    }
}
