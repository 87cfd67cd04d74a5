internal import LockstepEngine

/// The program's version.
package let lockstepVersion = "0.1.0"

/// The program and its arithmetic, as HELLO carries them: coordinator and workers must run the same of both.
package let lockstepProgram = "\(lockstepVersion) (arithmetic \(Plan.arithmeticVersion))"

/// What `--version` says.
package let lockstepVersionText = "lockstep \(lockstepProgram)"
