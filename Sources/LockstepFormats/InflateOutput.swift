/// What inflating has written so far: grows by doubling, never beyond its limit.
struct InflateOutput: ~Copyable {
    let maximumBytes: Int
    private(set) var count = 0
    private var capacity: Int
    private var storage: UnsafeMutablePointer<UInt8>

    init(maximumBytes: Int, expectedBytes: Int) {
        self.maximumBytes = maximumBytes
        capacity = min(maximumBytes, max(expectedBytes, 1024))
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: storage, count: count)) }

    /// The bytes written since there were `start` of them.
    func written(since start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage + start, count: count - start)
    }

    /// Makes room for `additional` bytes; false where that passes the limit.
    @inline(__always)
    mutating func reserve(_ additional: Int) -> Bool {
        if additional <= capacity - count { return true }
        return grow(additional)
    }

    @inline(never)
    private mutating func grow(_ additional: Int) -> Bool {
        guard additional <= maximumBytes - count else { return false }
        let doubled = capacity > maximumBytes / 2 ? maximumBytes : capacity * 2
        let larger = max(doubled, count + additional)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        moved.update(from: storage, count: count)
        storage.deallocate()
        storage = moved
        capacity = larger
        return true
    }

    /// Appends one byte; there must be room.
    @inline(__always)
    mutating func append(_ byte: UInt8) {
        storage[count] = byte
        count += 1
    }

    /// Appends `source`; there must be room.
    mutating func append(_ source: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(start: storage + count, count: source.count).copyMemory(from: source)
        count += source.count
    }

    /// Appends `length` bytes that begin `distance` bytes back (1 … count); the two may overlap. There must be room.
    @inline(__always)
    mutating func repeatBytes(distance: Int, length: Int) {
        let target = storage + count
        let source = target - distance
        if distance >= length {
            target.update(from: source, count: length)
        } else {
            for index in 0..<length { target[index] = source[index] }
        }
        count += length
    }
}
