internal import LockstepModels

extension WatchState {
    /// How many numbers hold all of it.
    static let numberCount = WatchState().numbers.count

    /// Over the bits of all its numbers: what the workers compare after a judgement. SplitMix64's finalizer, chained.
    var hash: UInt64 {
        numbers.reduce(0) { hash, number in
            var mixed = (hash ^ number.bitPattern) &+ 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
