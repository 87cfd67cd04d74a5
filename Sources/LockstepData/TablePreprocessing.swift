/// How rows of a table become inputs, and what their label is.
public struct TablePreprocessing: Sendable, Hashable, Codable {
    /// In the order in which they make up the input.
    public var columns: [Column]
    /// The name of the column that holds the targets.
    public var label: String

    public struct Column: Sendable, Hashable, Codable {
        public enum Kind: String, Sendable, Hashable, Codable {
            /// One number: (value − mean) / deviation.
            case numeric
            /// One number a category: 1 for the row's, 0 for the others; all 0 where the row's is not among them.
            case categorical
        }

        public var name: String
        public var kind: Kind
        /// In the order of their UTF-8 bytes; empty where the column is numeric.
        public var categories: [String]
        /// 0 where values are not normalised.
        public var mean: Double
        /// 1 where values are not normalised or do not vary.
        public var deviation: Double
        /// Stands for a missing number.
        public var fill: Double

        init(numeric name: String, mean: Double, deviation: Double, fill: Double) {
            self.name = name
            self.kind = .numeric
            self.categories = []
            self.mean = mean
            self.deviation = deviation
            self.fill = fill
        }

        init(categorical name: String, categories: [String]) {
            self.name = name
            self.kind = .categorical
            self.categories = categories
            self.mean = 0
            self.deviation = 1
            self.fill = 0
        }

        /// How many numbers of the input the column makes.
        var width: Int {
            switch kind {
            case .numeric: 1
            case .categorical: categories.count
            }
        }

        /// A value as the input has it; NaN is a missing one.
        func input(_ value: Double) -> Float {
            let known = value.isNaN ? fill : value
            let centred = known - mean
            return Float(centred / deviation)
        }

        fileprivate var isSound: Bool {
            mean.isFinite && fill.isFinite && deviation.isFinite && deviation > 0
                && (kind == .numeric
                    ? categories.isEmpty
                    : zip(categories, categories.dropFirst()).allSatisfy {
                        $0.utf8.lexicographicallyPrecedes($1.utf8)
                    })
        }
    }

    /// How many numbers an input has.
    var inputCount: Int { columns.reduce(0) { $0 + $1.width } }

    var isSound: Bool { columns.allSatisfy(\.isSound) }
}
