import LockstepCluster
import LockstepCollectives
import LockstepCore
import LockstepWire
import Testing

@testable import LockstepRuntime

/// Small parts of a worker's runtime.
@Suite struct WorkerPartsTests {
    /// A worker that leaves has closed all and is gone when its grace is over.
    @Test func closingIsPartOfTheGrace() {
        for seconds in [0.5, 3, 30, 600] {
            let grace = LeavingGrace(seconds)
            #expect(grace.rest == nil)
            grace.begin()
            let rest = grace.rest ?? .zero
            #expect(rest > .seconds(grace.handingOver - 10) && rest < .seconds(seconds))
            #expect(grace.handingOver < seconds && grace.handingOver >= seconds * 0.75)
        }
        let over = LeavingGrace(0)
        over.begin()
        #expect(over.rest == .zero)
    }

    @Test func theLastRailTellsWhatAllHaveDone() {
        let end = TurnEnd(railCount: 3)
        for _ in 0..<2 {
            end.begin(railCount: 3)
            #expect(end.arrive(TurnEnd.Part(gradientBytes: 1), rail: 2, of: 3) == nil)
            #expect(end.arrive(TurnEnd.Part(gradientBytes: 10, isFinite: false), rail: 0, of: 3) == nil)
            let whole = end.arrive(TurnEnd.Part(gradientBytes: 100), rail: 1, of: 3)
            #expect(whole?.gradientBytes == 111)
            #expect(whole?.isFinite == false)
        }
        // A turn without gradients is rail 0's alone; what others did before is not its own.
        end.begin(railCount: 1)
        let record = ControlRecord(
            lanes: 0..<1, sums: [1], sampleHash: 0, stateHash: StateHash(high: 0, low: 0))
        let whole = end.arrive(TurnEnd.Part(records: [record]), rail: 0, of: 1)
        #expect(whole?.records == [record])
        #expect(whole?.gradientBytes == 0)
        #expect(whole?.isFinite == true)
    }

    @Test func aMemberIsLinkedWhenAllItsRailsAre() {
        let members = (0..<2).map {
            Roster.Member(name: "w\($0)", process: ProcessNumber(1), host: "h", ports: [1, 2], lanes: $0..<$0 + 1)
        }
        let roster = Roster(
            generation: 4, members: members, startStep: 0, stateHash: StateHash(high: 0, low: 0),
            exchange: ExchangeSettings(links: 2))
        var linking = LinkedGeneration(roster, own: 0, railCount: 2)
        func isLinked(_ event: WorkerEvent?) -> Bool {
            if case .linked(peer: "w1", generation: 4) = event { true } else { false }
        }
        #expect(linking.handle(.linked(member: 1, generation: 4)) == nil)
        #expect(linking.handle(.linked(member: 1, generation: 3)) == nil)
        #expect(isLinked(linking.handle(.linked(member: 1, generation: 4))))
        #expect(linking.handle(.lost(member: 1, generation: 3, reason: "old")) == nil)
        guard case .linkLost(let peer, 4, let reason) = linking.handle(.lost(member: 1, generation: 4, reason: "gone"))
        else {
            Issue.record("nothing was lost")
            return
        }
        #expect(peer == "w1" && reason == "gone")
    }

    @Test func coresAreSharedOut() {
        let cores: [Int32] = [0, 2, 4, 5, 7]
        func part(_ index: Int, _ count: Int) -> [Int32] {
            Array(HostCores.part(HostShare(index: index, count: count), of: cores))
        }
        #expect(part(0, 1) == cores)
        #expect(part(0, 2) == [0, 2])
        #expect(part(1, 2) == [4, 5, 7])
        #expect((0..<5).map { part($0, 5) } == cores.map { [$0] })
        // Too few cores, or a share that cannot be: all.
        #expect(part(3, 6) == cores)
        #expect(part(2, 2) == cores)
        #expect(part(0, 0) == cores)
        #expect(part(0, -1) == cores)
        #expect(part(-1, 2) == cores)
        for count in 1...5 { #expect((0..<count).flatMap { part($0, count) } == cores) }
    }

    @Test func railsHavePortsInARow() throws {
        let endpoint = Endpoint(host: "::1", port: 65_534)
        #expect(try endpoint.following(0) == endpoint)
        #expect(try endpoint.following(1).port == 65_535)
        #expect(throws: CommandError.self) { try endpoint.following(2) }
        #expect(try Endpoint(host: "h", port: 0).following(3).port == 0)
    }

    @Test func timesOfBuckets() throws {
        let times = BucketTimes(bucketCount: 2, railCount: 2)
        #expect(times.firstReady == nil && times.times(of: 0) == nil)
        times.isReady(1)
        times.isReady(0)
        times.isSummed(1, rail: 0)
        times.isSummed(1, rail: 1)
        let (first, second) = (try #require(times.times(of: 0)), try #require(times.times(of: 1)))
        #expect(first.isEmpty, "its sum never came")
        #expect(second.lowerBound == times.firstReady && second.upperBound >= first.lowerBound)
        times.begin()
        #expect(times.firstReady == nil)
    }

    #if LOCKSTEP_FAILPOINTS
    @Test func failpointsAreRead() {
        let points = Failpoints("loss-not-finite=3:5,flip-parameter=7:w1,records-per-key=40,no-such=1:2,x")
        #expect(points.lossNotFinite?.step == 3 && points.lossNotFinite?.lane == 5)
        #expect(points.flipParameter?.step == 7 && points.flipParameter?.worker == "w1")
        #expect(points.recordsPerKey == 40)
        #expect(Failpoints("").recordsPerKey == nil)
    }
    #endif
}
