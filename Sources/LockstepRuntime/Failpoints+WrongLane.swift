#if LOCKSTEP_FAILPOINTS
internal import Synchronization

/// A processor that computes wrongly.
extension Failpoints {
    /// How many lanes this process has spoilt; nil where that is another process's part.
    private static let spoilt = Mutex<Int?>(0)

    /// Changes a lane's gradient, where that is planned.
    func spoil(_ gradient: UnsafeMutablePointer<Float>, step: UInt32, _ worker: String) {
        guard let fault = wrongLane, worker == fault.worker, step >= fault.step else { return }
        let number = Failpoints.spoilt.withLock { count -> Int? in
            guard let number = count else { return nil }
            let isFirst = number == 0 && isFirst("wrong-lane\(fault.isLasting ? "" : "-once")-\(fault.step)-\(worker)")
            count = isFirst || number > 0 && fault.isLasting ? number + 1 : nil
            return isFirst || number > 0 && fault.isLasting ? number : nil
        }
        guard let number else { return }
        let place = gradient + number % 8
        place.pointee = Float(bitPattern: place.pointee.bitPattern ^ 1)
    }
}
#endif
