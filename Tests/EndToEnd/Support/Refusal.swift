import Testing

extension Outcome {
    /// Expects a refusal as users see it: the exit code, and one line on standard error that names the place.
    ///
    /// - Parameter words: all of them stand in the line.
    func expectRefusal(
        exitCode: Int32 = 2, naming words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(end == .exited(exitCode), "\(self)", sourceLocation: sourceLocation)
        #expect(errors.count == 1, "one line is due: \(self)", sourceLocation: sourceLocation)
        #expect(output.isEmpty, "\(self)", sourceLocation: sourceLocation)
        #expect(!errorText.contains("Fatal error"), "\(self)", sourceLocation: sourceLocation)
        for word in words {
            #expect(errorText.contains(word), "“\(word)” is due: \(self)", sourceLocation: sourceLocation)
        }
    }
}
