@_exported public import LockstepData
@_exported public import LockstepEngine
@_exported public import LockstepJobs
@_exported public import LockstepModels

/// A training program of one's own: a job in Swift, and every command that `lockstep` has.
///
/// ```swift
/// import Lockstep
///
/// @main
/// struct Digits: TrainingProgram {
///     var job: Job {
///         Job(
///             model: Sequential(Flatten(), Linear(64), ReLU(), Linear(10)), loss: .softmaxCrossEntropy,
///             optimizer: .adam(learningRate: 1e-3), train: Glyphs(count: 6000), batchSize: 64, length: .epochs(4))
///     }
/// }
/// ```
///
/// The same executable is launcher, coordinator, worker and all other commands: `digits train --workers 4`. Every
/// process builds the job by itself, so it must be a function of nothing but the program; that all hold the same is
/// checked before the first step.
public protocol TrainingProgram: SendableMetatype {
    init()

    /// What is trained. Paths of files are relative to the current directory.
    var job: Job { get }
}

extension TrainingProgram {
    /// Runs the command that the process's arguments name, and exits.
    public static func main() async {
        ProgramJob.register { Self().job }
        await LockstepCommand.main()
    }
}
