public import LockstepCore
internal import LockstepFormats

/// Text as its bytes: each is a token, and the target of each position is the byte that follows.
///
/// Files and directories are joined in the order in which they are named, nothing between them; the files of a directory,
/// however deep, by the UTF-8 bytes of their paths. Files may be compressed with gzip.
public struct Bytes: DataSource, Hashable {
    /// The paths of files, and of directories where they end in `/`.
    public var files: [String]
    /// Which files of a directory are taken, by how their names end; none: all that are UTF-8 text.
    public var suffixes: [String]
    /// Bytes of an input; nil: as many as the training's.
    public var context: Int?
    /// From the start of an input to that of the next; nil: the context, so that every byte is used once.
    public var stride: Int?
    /// Where the part of the text begins that is used, as a share of it.
    public var from: Double
    /// Where it ends.
    public var to: Double

    /// How many values a byte has.
    static let count = 256

    public init(
        paths: [String], context: Int?, stride: Int? = nil, suffixes: [String] = [], from: Double = 0, to: Double = 1
    ) {
        files = paths
        self.context = context
        self.stride = stride
        self.suffixes = suffixes
        self.from = from
        self.to = to
    }

    public var paths: [DataPath] { files.map { DataPath($0) } }

    public var canonicalDescription: String {
        func shown(_ number: Int?) -> String { number.map { "\($0)" } ?? "any" }
        let endings = JSONValue.array(suffixes.map { .string($0) }).text
        return "bytes context \(shown(context)) stride \(shown(stride)) suffixes \(endings) from \(from) to \(to)"
    }

    public func open(files: [DataFile], preprocessing: Preprocessing?) throws(CommandError) -> any SampleReader {
        try check(files, "bytes")
        guard let first = files.first else { throw .usage("bytes: no files named; give at least one") }
        var text: [UInt8] = []
        for file in files {
            let part = try contents(of: file)
            // The only file is not copied.
            if text.isEmpty { text = part } else { text += part }
        }
        let windows = try SequenceWindows(
            "bytes", of: first.name, context: context, stride: stride, known: preprocessing?.inputShape,
            count: text.count, from: from, to: to)
        do {
            let tokens = try TensorView(name: "", type: .uint8, shape: [text.count], bytes: text[...])
            return SequenceReader(tokens, windows: windows, classes: Bytes.count, kind: .bytes)
        } catch {
            throw first.refusal("\(error)")
        }
    }

    private func contents(of file: DataFile) throws(CommandError) -> [UInt8] {
        guard file.isDirectory else { return try file.contents() }
        var text: [UInt8] = []
        var count = 0
        for entry in file.entries
        where suffixes.isEmpty || suffixes.contains(where: { entry.name.utf8.hasSuffix($0.utf8) }) {
            let part = try entry.named(in: file.name).contents()
            guard !suffixes.isEmpty || PlainText.isText(part) else { continue }
            text += part
            count += 1
        }
        guard count > 0 else {
            throw file.refusal(
                suffixes.isEmpty
                    ? "none of its \(file.entries.count) files is UTF-8 text; name others"
                    : "none of its \(file.entries.count) files ends in \(suffixes.joined(separator: " or ").escapedForDisplay(limit: 100)); name other suffixes"
            )
        }
        return text
    }
}

extension String.UTF8View {
    fileprivate func hasSuffix(_ other: String.UTF8View) -> Bool {
        count >= other.count && suffix(other.count).elementsEqual(other)
    }
}
