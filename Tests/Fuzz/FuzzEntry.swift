internal import LockstepTestSupport

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The target that the environment names; found once.
private let target: FuzzTarget = {
    let name = getenv("LOCKSTEP_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        print("set LOCKSTEP_FUZZ_TARGET to one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
        exit(2)
    }
    return target
}()

/// libFuzzer calls this with each input.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    try? target.read(bytes)
    return 0
}

@_silgen_name("LLVMFuzzerMutate")
private func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int) -> Int

/// libFuzzer's own mutation, and in three cases of four checksums that are right.
@_cdecl("LLVMFuzzerCustomMutator")
func mutateAndRepair(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: CUnsignedInt) -> Int {
    let size = mutate(data, count, capacity)
    guard seed % 4 > 0 else { return size }
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let repaired =
        switch target {
        case .png: ChecksumRepair.png(bytes)
        case .zlib: ChecksumRepair.zlib(bytes)
        case .gzip, .idx: ChecksumRepair.gzip(bytes)
        default: bytes
        }
    for (index, byte) in repaired.prefix(capacity).enumerated() { data[index] = byte }
    return min(repaired.count, capacity)
}

/// The Swift package manager makes the program begin at `<name of the executable>_main`; libFuzzer's own `main` is not used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("Fuzz_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = arguments
    return withUnsafeMutablePointer(to: &arguments) { arguments in
        runDriver(&count, arguments, testOneInput)
    }
}
