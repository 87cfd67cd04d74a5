/// Cuts a stream of bytes into lines; lines that are too long are left out and counted.
struct LineSplitter {
    let maximumLineBytes: Int
    private(set) var skipped = 0
    private var partial: [UInt8] = []
    private var isSkipping = false

    init(maximumLineBytes: Int) { self.maximumLineBytes = maximumLineBytes }

    mutating func take(_ bytes: ArraySlice<UInt8>, _ line: (ArraySlice<UInt8>, Bool) -> Void) {
        var rest = bytes
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            add(rest[..<newline])
            end(isWhole: true, line)
            rest = rest[(newline + 1)...]
        }
        add(rest)
    }

    /// The stream has ended.
    mutating func finish(_ line: (ArraySlice<UInt8>, Bool) -> Void) { end(isWhole: false, line) }

    private mutating func add(_ bytes: ArraySlice<UInt8>) {
        guard !isSkipping else { return }
        if partial.count + bytes.count > maximumLineBytes {
            isSkipping = true
            partial.removeAll()
        } else {
            partial.append(contentsOf: bytes)
        }
    }

    private mutating func end(isWhole: Bool, _ line: (ArraySlice<UInt8>, Bool) -> Void) {
        if isSkipping {
            skipped += 1
        } else if !partial.isEmpty {
            line(partial[...], isWhole)
        }
        partial.removeAll(keepingCapacity: true)
        isSkipping = false
    }
}
