import LockstepTestSupport
import LockstepWireTestSupport
import Testing

/// Tests that run the built `lockstep` as users do, with real processes: one at a time, so that each has the machine.
@Suite(.serialized, .timeLimit(.minutes(Patience.minutesOfTest)), OwnThreadsTrait(.executables))
enum ExecutableTests {}
