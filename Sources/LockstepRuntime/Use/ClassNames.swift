internal import LockstepCore
internal import LockstepData

/// What classes are called in output: their names in the training data, else their numbers.
struct ClassNames {
    private let names: [String]

    init(_ preprocessing: Preprocessing) { names = preprocessing.classNames }

    /// Whether classes are only numbers.
    var isEmpty: Bool { names.isEmpty }

    subscript(number: Int) -> String {
        names.indices.contains(number) ? names[number].escapedForDisplay(limit: 60) : String(number)
    }
}
