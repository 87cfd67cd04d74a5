/// Where a run is shown: results on standard output, progress for people on standard error.
package struct RunOutput: Sendable {
    /// JSON lines instead of text on standard output.
    package var json: Bool
    /// Columns of the terminal on which progress is redrawn in place; nil where it is no terminal.
    package var columns: (@Sendable () -> Int)?
    /// Takes a line of results.
    package var result: @Sendable (String) -> Void
    /// Takes text for people, line ends included.
    package var progress: @Sendable (String) -> Void

    package init(
        json: Bool, columns: (@Sendable () -> Int)? = nil, result: @escaping @Sendable (String) -> Void,
        progress: @escaping @Sendable (String) -> Void
    ) {
        self.json = json
        self.columns = columns
        self.result = result
        self.progress = progress
    }

    package static func standard(json: Bool) -> RunOutput {
        let columns: @Sendable () -> Int = { StandardStreams.errorColumns }
        return RunOutput(
            json: json, columns: StandardStreams.errorIsTerminal ? columns : nil,
            result: { StandardStreams.write($0) }, progress: { StandardStreams.writeErrorText($0) })
    }
}
