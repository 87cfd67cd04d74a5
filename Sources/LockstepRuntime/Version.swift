internal import LockstepEngine

/// The program's version. Coordinator and workers must run the same.
package let lockstepVersion = "0.1.0"

/// What `--version` says: the program and the version of its arithmetic.
package let lockstepVersionText = "lockstep \(lockstepVersion) (arithmetic \(Plan.arithmeticVersion))"
