extension Schedule {
    /// A setting that no training survives.
    struct Refusal {
        /// Behind `learningRate`, with its dot.
        var key: String
        var value: String
        var allowed: String
    }

    /// The first setting that is not usable.
    var refusal: Refusal? {
        let (name, settings) = self.settings
        for (key, value, isUsable, allowed) in settings where !isUsable {
            return Refusal(key: name.isEmpty ? "" : ".\(name).\(key)", value: value, allowed: allowed)
        }
        guard warmUpSteps >= 0 else {
            return Refusal(
                key: ".\(name.isEmpty ? "constant" : name).warmUpSteps", value: "\(warmUpSteps)", allowed: "at least 0")
        }
        return nil
    }

    private typealias Setting = (key: String, value: String, isUsable: Bool, allowed: String)

    private var settings: (name: String, [Setting]) {
        switch self {
        case .constant(let rate, _): ("", [rateSetting("", rate)])
        case .cosine(let from, _): ("cosine", [rateSetting("from", from)])
        case .steps(let from, let every, let factor, _):
            (
                "steps",
                [
                    rateSetting("from", from), ("every", "\(every)", every >= 1, "at least 1"),
                    factorSetting("factor", factor),
                ]
            )
        case .milestones(let from, let milestones, let factor, _):
            (
                "milestones",
                [
                    rateSetting("from", from),
                    (
                        "at", "\(milestones)",
                        milestones.allSatisfy { $0 >= 1 }
                            && zip(milestones, milestones.dropFirst()).allSatisfy { $0 < $1 },
                        "steps in increasing order, from 1"
                    ),
                    factorSetting("factor", factor),
                ]
            )
        case .exponential(let from, let decay, _):
            ("exponential", [rateSetting("from", from), factorSetting("decay", decay)])
        case .linear(let from, let to, let steps, _):
            (
                "linear",
                [
                    rateSetting("from", from), rateSetting("to", to),
                    ("steps", "\(steps)", steps >= 1, "at least 1"),
                ]
            )
        case .plateau(let from, let factor, let patience, let minimumDelta, let minimum, _):
            (
                "plateau",
                [
                    rateSetting("from", from),
                    ("factor", "\(factor)", factor > 0 && factor < 1, "above 0 and below 1"),
                    ("patience", "\(patience)", patience >= 0, "at least 0"),
                    ("minimumDelta", "\(minimumDelta)", minimumDelta >= 0, "at least 0"),
                    rateSetting("minimum", minimum),
                ]
            )
        }
    }

    private func rateSetting(_ key: String, _ rate: Double) -> Setting {
        (key, "\(rate)", rate >= 0 && Float(rate).isFinite, "a single-precision number of at least 0")
    }

    private func factorSetting(_ key: String, _ factor: Double) -> Setting {
        (key, "\(factor)", factor > 0 && factor <= 1, "above 0 and at most 1")
    }
}
