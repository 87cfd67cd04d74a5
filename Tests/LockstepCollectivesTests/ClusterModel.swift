/// What machines and the network between them cost: seconds, bytes, bytes a second. Every worker has a machine and an
/// interface of its own, which sends and receives at once.
struct ClusterModel: Sendable {
    /// From the interface of a sender to the loop of the receiver, the waking of that loop included.
    var latency = 30e-6
    /// Of an interface, in each direction.
    var bandwidth = Double.infinity
    /// Of the switch, for all traffic together.
    var switchBandwidth = Double.infinity

    /// What a loop spends on a flush and on a read, however short.
    var flush = 8e-6
    var read = 8e-6
    /// What a loop spends on a byte that it sends (encryption, copies, the kernel), on one that it receives, and on one
    /// that an addition writes.
    var sentByte = 0.3e-9
    var receivedByte = 0.3e-9
    var addedByte = 0.05e-9
    /// Cores that the loops of all workers share; nil where every loop has one for itself.
    var sharedCores: Int?

    /// What a link encrypts in one go, and what it reads in one go.
    var flushBytes = 256 << 10
    var readBytes = 256 << 10
    /// What an interface carries of one link before it turns to the next.
    var turnBytes = 64 << 10
    /// What a link has encrypted and not yet sent: beyond it, sending waits.
    var window = 8 << 20

    /// Seconds below which no algorithm sums vectors of `bytes` in: each worker must send and receive so much.
    func bound(bytes: Int, workers: Int) -> Double {
        2 * Double(workers - 1) / Double(workers) * Double(bytes) / bandwidth
    }

    /// With 10 µs on the way, and 20 to wake a loop.
    static func ethernet(gigabits: Double) -> ClusterModel {
        var model = ClusterModel()
        model.latency = 30e-6
        // What is left of the line rate behind the headers of Ethernet, IP, TCP and TLS.
        model.bandwidth = gigabits * 1e9 / 8 * 0.94
        return model
    }
}
