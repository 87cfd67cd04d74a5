internal import LockstepCore

/// Fits the columns of a table to some of its rows. Sums are taken in the order of the rows.
enum TableFit {
    /// More numbers in one input are refused.
    private static let maximumInputs = 1 << 16

    /// - Parameters:
    ///   - samples: the rows that count; nil for all.
    ///   - normalize: whether means and deviations are used.
    /// - Throws: a usage error that names the column.
    static func columns(
        of rows: TableRows, samples: [UInt32]?, normalize: Bool
    ) throws(CommandError) -> [TablePreprocessing.Column] {
        var fitted: [TablePreprocessing.Column] = []
        var inputs = 0
        for (column, contents) in zip(rows.columns, rows.contents) {
            switch contents {
            case .numbers(let numbers):
                fitted.append(try numeric(column.name, numbers, samples, normalize: normalize))
            case .categories(let codes, let names):
                fitted.append(categorical(column.name, codes, names, samples))
            }
            inputs += fitted[fitted.count - 1].width
            guard inputs <= maximumInputs else {
                throw .usage(
                    "column “\(column.name.escapedForDisplay())”: the table would make more than \(maximumInputs) inputs; ignore columns with many categories"
                )
            }
        }
        return fitted
    }

    private static func numeric(
        _ name: String, _ numbers: [Double], _ samples: [UInt32]?, normalize: Bool
    ) throws(CommandError) -> TablePreprocessing.Column {
        var count = 0
        var sum = 0.0
        visit(numbers, samples) { number in
            guard !number.isNaN else { return }
            count += 1
            sum += number
        }
        guard count > 0 else { return TablePreprocessing.Column(numeric: name, mean: 0, deviation: 1, fill: 0) }
        let mean = sum / Double(count)
        var squares = 0.0
        visit(numbers, samples) { number in
            guard !number.isNaN else { return }
            let distance = number - mean
            let square = distance * distance
            squares += square
        }
        let variance = squares / Double(count)
        // Correctly rounded everywhere.
        let deviation = variance.squareRoot()
        guard mean.isFinite, deviation.isFinite else {
            throw .usage("column “\(name.escapedForDisplay())”: its numbers are too large; rescale or ignore it")
        }
        guard normalize else { return TablePreprocessing.Column(numeric: name, mean: 0, deviation: 1, fill: mean) }
        return TablePreprocessing.Column(
            numeric: name, mean: mean, deviation: deviation > 0 ? deviation : 1, fill: mean)
    }

    private static func categorical(
        _ name: String, _ codes: [Int32], _ names: [String], _ samples: [UInt32]?
    ) -> TablePreprocessing.Column {
        var occurs = Array(repeating: false, count: names.count)
        visit(codes, samples) { occurs[Int($0)] = true }
        return TablePreprocessing.Column(
            categorical: name, categories: names.indices.filter { occurs[$0] }.map { names[$0] })
    }

    private static func visit<Value>(_ values: [Value], _ samples: [UInt32]?, _ body: (Value) -> Void) {
        if let samples {
            for sample in samples { body(values[Int(sample)]) }
        } else {
            for value in values { body(value) }
        }
    }
}
