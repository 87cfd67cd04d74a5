import LockstepWire
import Testing

/// What Linux said of real connections, every two seconds.
struct LinkSilenceTests {
    private func firstGone(_ seen: [Int]) -> Int? {
        var silence = LinkSilence()
        return seen.firstIndex { silence.isGone(unanswered: $0) }
    }

    /// Data, or questions where nothing is sent, without an answer since the route is gone.
    @Test(arguments: [
        [0, 2180, 4180, 6208, 8208, 10_220, 12_224], [0, 0, 0, 6184, 8184, 10_192],
    ])
    func aRouteThatIsGone(seen: [Int]) {
        let found = firstGone(seen)
        #expect(found == 5, "ten seconds")
    }

    /// A peer that does not read is asked for room after 6.4, 12.8, 25.6 and 51.2 s: a question may be on its way.
    @Test func aPeerThatDoesNotRead() {
        var seen = [Int](repeating: 0, count: 60)
        for index in [3, 6, 13, 26, 52] { seen[index] = index * 1000 }
        #expect(firstGone(seen) == nil)
        // The canary: one that did not answer the last one.
        seen[53] = 54_000
        #expect(firstGone(seen) == 53)
    }
}
