import LockstepFormats

/// A step as the traces of a worker have it.
struct TracedStep: Sendable, Equatable {
    let step: Int
    let generation: Int

    /// nil where the span is none of a step.
    init?(_ span: JSONValue) {
        func number(_ key: String) -> Int? {
            let value = span["attributes"]?.array?.first { $0["key"]?.string == key }?["value"]
            return value?["intValue"]?.string.flatMap { Int($0) }
        }
        guard span["name"]?.string == "step", let step = number("lockstep.step"),
            let generation = number("lockstep.generation")
        else { return nil }
        (self.step, self.generation) = (step, generation)
    }
}

extension TestDirectory {
    /// The steps of a worker that were kept, in the order in which they were written.
    func tracedSteps(of worker: String, run: String = "run") throws -> [TracedStep] {
        try text(of: "\(run)/traces/\(worker).otlp.jsonl").split(separator: "\n").flatMap { line in
            let resources = try JSONValue(parsing: Array(line.utf8))["resourceSpans"]?.array ?? []
            let scopes = resources.flatMap { $0["scopeSpans"]?.array ?? [] }
            return scopes.flatMap { $0["spans"]?.array ?? [] }.compactMap { TracedStep($0) }
        }
    }
}
