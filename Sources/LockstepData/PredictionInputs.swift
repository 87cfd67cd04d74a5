package import LockstepCore
internal import LockstepFormats

/// Inputs without targets, read from a file as a snapshot's preprocessing says.
///
/// Images are PNG files, a directory of them, or IDX files; tables are CSV files whose other columns do not matter; texts
/// are the lines of a file, or a column of a CSV file; anything can come from an npy file, where numbers are taken as they
/// are.
package struct PredictionInputs: Sendable {
    /// At least 1.
    package let count: Int
    private let names: [String]
    private let writer: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void

    /// - Parameter preprocessing: one that `validate` passed.
    /// - Throws: a usage error that names the file.
    package init(_ file: DataFile, preprocessing: Preprocessing) throws(CommandError) {
        let shape = preprocessing.inputShape
        let contents = file.isDirectory ? [] : try file.contents()
        let plain = DataFile(name: file.name, bytes: contents)
        if file.isDirectory || PNGFormat.isPNG(contents) {
            let files = file.isDirectory ? file.entries.map { $0.named(in: file.name) } : [plain]
            let size = try ImageSize(height: nil, width: nil, channels: nil, preprocessing: preprocessing)
            guard [1, 3].contains(shape[2]) else { throw file.refusal("the model takes no images of PNG's kind") }
            self.init(pixels: try DecodedImages(files, size: size).pixels, names: files.map(\.name), preprocessing)
        } else if DataKind(contents) == .npy {
            try self.init(array: try NPY.array(plain), of: plain, preprocessing)
        } else if DataKind(contents) == .idxImages {
            let images: IDXFormat.Images
            do {
                images = try IDXFormat.images(contents)
            } catch {
                throw file.refusal("\(error)")
            }
            guard images.count > 0, shape == [images.height, images.width, 1] else {
                throw file.refusal(
                    "\(images.count) images of \(images.height)×\(images.width) grey pixels; the model takes \(shape)")
            }
            self.init(pixels: Array(images.pixels), names: [], preprocessing)
        } else if let table = preprocessing.table {
            let csv = try CSVFile(plain)
            guard csv.rowCount > 0 else { throw file.refusal("it has no rows") }
            let columns = table.columns.map { TableColumn(name: $0.name, kind: $0.kind) }
            let reader = TableReader(try csv.rows(columns: columns, label: nil), preprocessing: preprocessing)
            self.init(count: reader.count, names: []) { reader.read($0, input: $1) }
        } else if let text = preprocessing.text {
            let rows = try PredictionInputs.textRows(plain, column: text.column)
            let reader = TextReader(rows, text: text, preprocessing: preprocessing)
            self.init(count: reader.count, names: []) { reader.read($0, input: $1) }
        } else if preprocessing.tokens == .bytes {
            throw file.refusal("the model continues texts: give the text with --prompt, or its bytes as npy")
        } else {
            let wanted = preprocessing.images == nil ? "npy" : "PNG, IDX images or npy"
            throw file.refusal("it is no input for this model, which takes \(wanted) of shape \(shape)")
        }
    }

    /// The texts of a file: its lines, or where it is named as a table, the column that training took.
    private static func textRows(_ file: DataFile, column: String?) throws(CommandError) -> TextRows {
        if let column, [".csv", ".csv.gz"].contains(where: { file.name.hasSuffix($0) }) {
            let csv = try CSVFile(file)
            guard csv.rowCount > 0 else { throw file.refusal("it has no rows") }
            return try csv.textRows(column, label: nil)
        }
        do {
            try PlainText.check(file.bytes)
        } catch {
            throw file.refusal("it is no text: \(error)")
        }
        var rows = TextRows(labels: .none)
        for line in PlainText.lines(file.bytes) {
            rows.append(WordScanner(line).lazy.map { String(decoding: $0, as: UTF8.self) })
        }
        guard rows.count > 0 else { throw file.refusal("it is empty; write one text a line") }
        return rows
    }

    private init(count: Int, names: [String], _ writer: @escaping @Sendable (Int, UnsafeMutablePointer<Float>) -> Void)
    {
        self.count = count
        self.names = names
        self.writer = writer
    }

    private init(pixels: [UInt8], names: [String], _ preprocessing: Preprocessing) {
        let shape = preprocessing.inputShape
        let size = shape.reduce(1, *)
        let normalization = preprocessing.images?.normalization
        self.init(count: pixels.count / size, names: names) { index, input in
            pixels.withUnsafeBufferPointer { pixels in
                PixelScale.write(UnsafeBufferPointer(rebasing: pixels[index * size..<(index + 1) * size]), to: input)
            }
            if let normalization { ImagePixels(input, shape: shape).normalize(normalization) }
        }
    }

    /// One input, or several under another extent.
    private init(array: TensorView, of file: DataFile, _ preprocessing: Preprocessing) throws(CommandError) {
        let shape = preprocessing.inputShape
        let isSingle = array.isNumeric && array.count > 0 && array.shape == shape && shape != [1]
        let found = isSingle ? shape : try ArrayReader.inputShape(of: array, file)
        guard found == shape else {
            throw file.refusal("its inputs have shape \(found); the model takes \(shape)")
        }
        let size = shape.reduce(1, *)
        let normalization = preprocessing.images?.normalization
        self.init(count: array.count / size, names: []) { index, input in
            array.copyFloats(index * size..<(index + 1) * size, to: input)
            if let normalization { ImagePixels(input, shape: shape).normalize(normalization) }
        }
    }

    /// Checks that every input is a row of whole numbers from 0 to below `limit`.
    ///
    /// - Throws: a usage error that names the first one that is not.
    package func checkTokens(below limit: Int, inputCount: Int) throws(CommandError) {
        var input = [Float](repeating: 0, count: inputCount)
        for index in 0..<count {
            input.withUnsafeMutableBufferPointer { buffer in
                if let start = buffer.baseAddress { read(index, input: start) }
            }
            if let wrong = input.first(where: { !($0 >= 0 && $0 < Float(limit) && $0 == $0.rounded(.down)) }) {
                throw .usage(
                    "input \(name(of: index).escapedForDisplay(limit: 100)): \(wrong) is no token of this model; it takes whole numbers from 0 to \(limit - 1)"
                )
            }
        }
    }

    /// What output calls an input: the file of an image, else its number from 0.
    package func name(of index: Int) -> String { names.isEmpty ? "\(index)" : names[index] }

    /// Writes an input, normalised where the training data was.
    package func read(_ index: Int, input: UnsafeMutablePointer<Float>) { writer(index, input) }
}
