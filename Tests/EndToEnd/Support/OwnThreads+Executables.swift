import LockstepTestSupport

extension OwnThreads {
    /// Those of `ExecutableTests`, which run beside tests of other modules and see at once what a process says.
    static let executables = OwnThreads(count: 4)
}
