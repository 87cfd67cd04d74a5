#if LOCKSTEP_FAILPOINTS
import Testing

@testable import LockstepRuntime

/// The door by which faults for tests enter a process.
@Suite struct FailpointsTests {
    @Test func itemsAreRead() {
        let points = Failpoints(
            "kill=5:backward:w1,drop-links=0:allReduce:w2,deadlines=50,once=/tmp/a b,kill=5:nowhere:w1,kill=x:load:w1,"
                + "burn=5:load:w1,kill=5:load,loss-not-finite=3:5,,=")
        #expect(
            points.planned == [
                Failpoints.Planned(fault: .kill, step: 5, point: .backward, process: "w1"),
                Failpoints.Planned(fault: .dropLinks, step: 0, point: .allReduce, process: "w2"),
            ])
        #expect(points.planned.map(\.name) == ["kill-5-backward-w1", "drop-links-0-allReduce-w2"])
        #expect(points.deadline == 50_000_000)
        #expect(points.notes == "/tmp/a b")
        #expect(points.lossNotFinite?.lane == 5)
    }

    /// Where it is planned or later, in the one that is meant, once.
    @Test func aFaultHappensOnce() {
        let points = Failpoints("drop-links=5:load:failpoint-test")
        var count = 0
        func pass(_ point: Failpoints.Point, _ step: UInt32, _ process: String = "failpoint-test") {
            points.pass(point, step: step, process) { count += 1 }
        }
        pass(.load, 4)
        pass(.forward, 5)
        pass(.load, 5, "another")
        #expect(count == 0)
        pass(.load, 6)
        #expect(count == 1)
        pass(.load, 6)
        #expect(count == 1)
    }
}
#endif
