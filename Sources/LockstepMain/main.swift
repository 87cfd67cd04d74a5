import Lockstep

await LockstepCommand.main()
