#if LOCKSTEP_FAILPOINTS
internal import LockstepCluster
internal import LockstepEngine

/// The points at which faults for tests happen.
extension WorkerDriver {
    /// This worker comes to a point.
    func pass(_ point: Failpoints.Point, step: UInt32) { passer(step: step)(point) }

    /// The same, for other threads.
    func passer(step: UInt32) -> @Sendable (Failpoints.Point) -> Void {
        let name = core.identity.name
        let rails = rails
        return { point in Failpoints.current.pass(point, step: step, name) { rails?.dropLinks() } }
    }

    /// Flips a bit of the state, where one is to flip before this step.
    func flipParameter(before step: UInt32) {
        guard let fault = Failpoints.current.flipParameter, step == fault.step, core.identity.name == fault.worker,
            Failpoints.current.isFirst("flip-parameter-\(fault.step)-\(fault.worker)"), let state
        else { return }
        state.parameters[0] = Float(bitPattern: state.parameters[0].bitPattern ^ 1)
    }
}
#endif
