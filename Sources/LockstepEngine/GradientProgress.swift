internal import Synchronization

/// How far the threads are with the buckets of the gradient in a step. All pass the buckets in the same order; where the
/// last has passed one, its sums over groups of lanes are shared out in pieces, and who finishes the last piece reports
/// the bucket. Takes all memory at the start.
// Safe: what threads change is atomic, and a bucket's time is written by the one thread that completes it; the rest
// changes only while all threads sleep.
final class GradientProgress: @unchecked Sendable {
    /// A range of the flat vector in which one thread makes all additions.
    struct Piece {
        let place: Int
        let range: Range<Int>
    }

    /// Floats of a piece: its sums stay in the cache over all additions, and to claim it costs little beside them.
    private static let pieceFloats = 4096

    /// Called on a compute thread, also on several at once.
    private var report: (@Sendable (Int) -> Void)?
    private let threads: Int
    /// By place in the order of completion.
    private let numbers: UnsafeBufferPointer<Int>
    private let lastParts: UnsafeBufferPointer<Int>
    private let arrivals: UnsafeMutablePointer<Atomic<Int>>
    private let unfinished: UnsafeMutablePointer<Atomic<Int>>
    /// By place: the number of the piece behind its last.
    private let pieceEnds: UnsafeBufferPointer<Int>
    /// By number of the bucket: when it was complete.
    private let times: UnsafeMutableBufferPointer<UInt64>
    private let pieces: UnsafeBufferPointer<Piece>
    /// The pieces before these numbers may be claimed, and are.
    private let ready = Atomic(0)
    private let claimed = Atomic(0)
    private let sleepers = Sleepers()

    /// - Parameter hasAdditions: whether sums of several groups of lanes are to be added.
    init(_ buckets: GradientBuckets, threads: Int, hasAdditions: Bool) {
        self.threads = threads
        numbers = ExecutorCore.copied(buckets.order)
        lastParts = ExecutorCore.copied(buckets.lastParts)
        var (pieces, ends): ([Piece], [Int]) = ([], [])
        for (place, number) in buckets.order.enumerated() {
            let range = buckets.ranges[number]
            if hasAdditions {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: GradientProgress.pieceFloats) {
                    let end = min(start + GradientProgress.pieceFloats, range.upperBound)
                    pieces.append(Piece(place: place, range: start..<end))
                }
            }
            ends.append(pieces.count)
        }
        self.pieces = ExecutorCore.copied(pieces)
        pieceEnds = ExecutorCore.copied(ends)
        arrivals = .allocate(capacity: ends.count)
        unfinished = .allocate(capacity: ends.count)
        for place in ends.indices {
            (arrivals + place).initialize(to: Atomic(0))
            (unfinished + place).initialize(to: Atomic(0))
        }
        times = .allocate(capacity: ends.count)
        times.initialize(repeating: 0)
    }

    deinit {
        arrivals.deinitialize(count: numbers.count).deallocate()
        unfinished.deinitialize(count: numbers.count).deallocate()
        numbers.deallocate()
        lastParts.deallocate()
        pieceEnds.deallocate()
        times.deallocate()
        pieces.deallocate()
    }

    // MARK: While all threads sleep

    func begin(_ report: (@Sendable (Int) -> Void)?) {
        self.report = report
        for place in numbers.indices {
            arrivals[place].store(0, ordering: .relaxed)
            unfinished[place].store(pieceEnds[place] - (place > 0 ? pieceEnds[place - 1] : 0), ordering: .relaxed)
        }
        ready.store(0, ordering: .relaxed)
        claimed.store(0, ordering: .relaxed)
    }

    func end() { report = nil }

    /// By number of the bucket: when it was complete in the last step.
    var completionTimes: [UInt64] { Array(times) }

    // MARK: On the compute threads

    /// A thread has done a part of its last group.
    ///
    /// - Parameter place: the first bucket that the thread has not passed; 0 at first.
    func pass(_ part: Int, _ place: inout Int) {
        while place < numbers.count, lastParts[place] <= part {
            if arrivals[place].add(1, ordering: .acquiringAndReleasing).newValue == threads {
                if unfinished[place].load(ordering: .relaxed) == 0 {
                    complete(place)
                } else {
                    // Nobody is last at a later bucket before this one's last has come to it.
                    ready.store(pieceEnds[place], ordering: .sequentiallyConsistent)
                    sleepers.wake()
                }
            }
            place += 1
        }
    }

    /// A piece in which nobody else adds; nil where there is none now.
    func claim() -> Piece? {
        var next = claimed.load(ordering: .relaxed)
        while next < ready.load(ordering: .acquiring) {
            let (exchanged, original) = claimed.compareExchange(
                expected: next, desired: next + 1, ordering: .sequentiallyConsistent)
            if exchanged { return pieces[next] }
            next = original
        }
        return nil
    }

    /// As `claim`, but waits for threads that have instructions before them; nil where all pieces are claimed.
    func claimLast() -> Piece? {
        while true {
            if let piece = claim() { return piece }
            guard claimed.load(ordering: .sequentiallyConsistent) < pieces.count else { return nil }
            sleepers.wait {
                let claimed = claimed.load(ordering: .sequentiallyConsistent)
                return claimed == pieces.count || claimed < ready.load(ordering: .sequentiallyConsistent)
            }
        }
    }

    func finish(_ piece: Piece) {
        if unfinished[piece.place].subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            complete(piece.place)
        }
    }

    private func complete(_ place: Int) {
        times[numbers[place]] = MonotonicClock.nanoseconds()
        report?(numbers[place])
    }
}
