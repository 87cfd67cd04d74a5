/// Where a run is shown: results on standard output, progress for people on standard error.
package struct RunOutput: Sendable {
    /// JSON lines instead of text on standard output.
    package var json: Bool
    /// Whether progress is redrawn in place.
    package var isTerminal: Bool
    /// Takes a line of results.
    package var result: @Sendable (String) -> Void
    /// Takes text for people, line ends included.
    package var progress: @Sendable (String) -> Void

    package init(
        json: Bool, isTerminal: Bool, result: @escaping @Sendable (String) -> Void,
        progress: @escaping @Sendable (String) -> Void
    ) {
        self.json = json
        self.isTerminal = isTerminal
        self.result = result
        self.progress = progress
    }

    package static func standard(json: Bool) -> RunOutput {
        RunOutput(
            json: json, isTerminal: StandardStreams.errorIsTerminal, result: { StandardStreams.write($0) },
            progress: { StandardStreams.writeErrorText($0) })
    }
}
