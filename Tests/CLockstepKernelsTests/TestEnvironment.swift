#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed that `LOCKSTEP_TEST_SEED` asks for.
func testEnvironmentSeed() -> UInt64? {
    guard let text = getenv("LOCKSTEP_TEST_SEED") else { return nil }
    return UInt64(String(cString: text))
}
