internal import LockstepCore

/// The rows of a table as inputs.
struct TableReader: SampleReader {
    let contentDigest: Digest
    let preprocessing: Preprocessing
    let greatestLabelSample: Int
    private let rows: TableRows
    private let columns: [TablePreprocessing.Column]
    /// For each column where its numbers begin in the input.
    private let offsets: [Int]
    /// For each categorical column and each category of its rows the place among the fitted ones; −1 where it is none.
    private let places: [[Int]]
    /// Whether this is the training data, to which things are fitted.
    private let fit: Fit?

    private struct Fit {
        let label: String
        let normalize: Bool
    }

    /// Training data.
    ///
    /// - Parameter samples: the rows to which is fitted; nil for all.
    init(_ rows: TableRows, fittedTo samples: [UInt32]?, label: String, normalize: Bool) throws(CommandError) {
        let columns = try TableFit.columns(of: rows, samples: samples, normalize: normalize)
        let table = TablePreprocessing(columns: columns, label: label)
        let (target, names): (SampleTarget, [String]) =
            switch rows.labels {
            case .classes(_, let names): (.classes(names.count), names)
            case .values, .none: (.values(1), [])
            }
        self.init(
            rows,
            Preprocessing(inputShape: [table.inputCount], target: target, classNames: names, table: table),
            Fit(label: label, normalize: normalize))
    }

    /// Test data or rows to predict for.
    ///
    /// - Parameter preprocessing: of a table with the same columns.
    init(_ rows: TableRows, preprocessing: Preprocessing) { self.init(rows, preprocessing, nil) }

    private init(_ rows: TableRows, _ preprocessing: Preprocessing, _ fit: Fit?) {
        self.rows = rows
        self.preprocessing = preprocessing
        self.fit = fit
        columns = preprocessing.table?.columns ?? []
        var offset = 0
        offsets = columns.map { column in
            defer { offset += column.width }
            return offset
        }
        places = zip(columns, rows.contents).map { column, contents in
            guard case .categories(_, let names) = contents else { return [] }
            return TableReader.places(of: names, in: column.categories)
        }
        if case .classes(let codes, _) = rows.labels, let greatest = codes.max() {
            greatestLabelSample = codes.firstIndex(of: greatest) ?? 0
        } else {
            greatestLabelSample = 0
        }
        var digest = DigestBuilder()
        digest.update(rows.digest.bytes)
        for column in columns {
            digest.update(column.name)
            digest.update(column.categories)
            for number in [column.mean, column.deviation, column.fill] { digest.update(number.bitPattern) }
        }
        contentDigest = digest.finalize()
    }

    /// Both lists are sorted by UTF-8 bytes.
    private static func places(of names: [String], in categories: [String]) -> [Int] {
        var next = 0
        return names.map { name in
            while next < categories.count, categories[next].utf8.lexicographicallyPrecedes(name.utf8) { next += 1 }
            return next < categories.count && categories[next].utf8.elementsEqual(name.utf8) ? next : -1
        }
    }

    var count: Int { rows.count }
    var inputShape: [Int] { preprocessing.inputShape }
    var target: SampleTarget { preprocessing.target }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>, target: UnsafeMutableRawPointer) {
        read(sample, input: input)
        switch rows.labels {
        case .classes(let codes, _): target.storeBytes(of: codes[sample], as: Int32.self)
        case .values(let values): target.storeBytes(of: values[sample], as: Float.self)
        case .none: break
        }
    }

    func read(_ sample: Int, input: UnsafeMutablePointer<Float>) {
        for (index, contents) in rows.contents.enumerated() {
            let output = input + offsets[index]
            switch contents {
            case .numbers(let numbers):
                output.pointee = columns[index].input(numbers[sample])
            case .categories(let codes, _):
                output.update(repeating: 0, count: columns[index].width)
                let place = places[index][Int(codes[sample])]
                if place >= 0 { output[place] = 1 }
            }
        }
    }

    func fitted(to samples: [UInt32]) throws(CommandError) -> any SampleReader {
        guard let fit else { return self }
        return try TableReader(rows, fittedTo: samples, label: fit.label, normalize: fit.normalize)
    }
}
