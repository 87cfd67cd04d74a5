import LockstepCore
import LockstepWire
import Testing

struct PeerNameTests {
    @Test(arguments: PeerRole.allCases)
    func roundTrip(_ role: PeerRole) throws {
        let name = try PeerName(cluster: "demo-1", role: role, name: "w0.rack_2")
        #expect(name.description == "lockstep://demo-1/\(role.rawValue)/w0.rack_2")
        #expect(PeerName(uri: name.description) == name)
    }

    @Test(arguments: [
        "", "lockstep://", "lockstep:///worker/w0", "lockstep://demo/worker", "lockstep://demo/worker/",
        "lockstep://demo/worker/w0/", "lockstep://demo/worker/w0/x", "lockstep://demo//worker/w0",
        "lockstep://demo/Worker/w0", "lockstep://demo/observer/w0", "Lockstep://demo/worker/w0",
        "https://demo/worker/w0", " lockstep://demo/worker/w0", "lockstep://demo/worker/w0 ",
        "lockstep://demo/worker/w0\n", "lockstep://demo/worker/w\u{0}0", "lockstep://demo/worker/%77",
        "lockstep://demo/worker/W0", "lockstep://demo/worker/wö", "lockstep://demo/worker/w0\u{301}",
        "lockstep://demo/worker/..", "lockstep://demo/worker/.w", "lockstep://demo/worker/-rf",
        "lockstep://demo/worker/_w", "lockstep://demo:80/worker/w0", "lockstep://a@demo/worker/w0",
        "lockstep://demo/worker/w0?x", "lockstep://demo/worker/w0#x",
        "lockstep://demo/worker/" + String(repeating: "w", count: 64),
    ])
    func notAName(_ uri: String) { #expect(PeerName(uri: uri) == nil) }

    @Test func longestName() {
        #expect(PeerName(uri: "lockstep://demo/worker/" + String(repeating: "w", count: 63)) != nil)
    }

    @Test func theMessageNamesTheText() {
        let error = #expect(throws: CommandError.self) { try PeerName(cluster: "de mo", role: .worker, name: "w0") }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.hasPrefix("\"de mo\" cannot be a cluster") == true)
    }
}
