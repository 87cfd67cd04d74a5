/// The keys of a job file that are operational: snapshots, audit and traces. What is absent keeps its value.
enum PolicyTable {
    static func snapshots(
        _ node: JobNode, path: String, base: SnapshotPolicy = SnapshotPolicy()
    ) throws(JobFileError) -> SnapshotPolicy {
        let arguments = try JobArguments(
            "snapshots", node, path: path, place: node.place, parameters: ["everySteps", "keep", "best"])
        var policy = base
        if let steps = try arguments.integer("everySteps", atLeast: 1, atMost: 1 << 31) { policy.everySteps = steps }
        if let keep = try arguments.integer("keep", atLeast: 1, atMost: 1 << 24) { policy.keep = keep }
        if let best = try arguments.text("best") { policy.best = best }
        return policy
    }

    static func audit(
        _ node: JobNode, path: String, base: LaneAuditPolicy = LaneAuditPolicy()
    ) throws(JobFileError) -> LaneAuditPolicy {
        let arguments = try JobArguments("audit", node, path: path, place: node.place, parameters: ["everySteps"])
        var policy = base
        if let steps = try arguments.integer("everySteps", atLeast: 1, atMost: 1 << 31) { policy.everySteps = steps }
        return policy
    }

    static func traces(
        _ node: JobNode, path: String, base: TraceSettings = TraceSettings()
    ) throws(JobFileError) -> TraceSettings {
        var settings = base
        if case .scalar("off") = node.content {
            settings.isOff = true
            return settings
        }
        guard case .mapping = node.content else {
            throw JobFileError(node.place, path, "\(node.kind) says nothing about traces; write off or {slow: 2}")
        }
        let arguments = try JobArguments(
            "traces", node, path: path, place: node.place, parameters: ["slow", "sample", "off"])
        if let slow = try arguments.number("slow", "slow is at least 1", where: { $0 >= 1 }) { settings.slow = slow }
        if let sample = try arguments.integer("sample", atLeast: 1, atMost: 1 << 31) { settings.sample = sample }
        if let isOff = try arguments.boolean("off") { settings.isOff = isOff }
        return settings
    }
}
