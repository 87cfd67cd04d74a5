internal import LockstepCluster
internal import LockstepCore
internal import LockstepJobs

/// `StepInstructions STEPS [BATCH]`: so many steps of two workers in one thread, for an instruction counter.
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let steps = arguments.first ?? 100
let batch = arguments.dropFirst().first ?? 64
let text = """
    model: [flatten, linear: 512, relu, linear: 512, relu, linear: 10]
    loss: softmaxCrossEntropy
    optimizer: {adam: {learningRate: 0.001}}
    data: {train: {randomImages: {count: 256, height: 28, width: 28, channels: 1, classes: 10}}}
    batchSize: \(batch)
    lanes: 2
    steps: 100000
    """
let file = try JobFile(JobSource(fileName: "job.yaml", fileDirectory: "/", currentDirectory: "/", text: text))
let job = try ResolvedJob(file.job) { _ in throw CommandError.failed("no files here") }
var cluster = try MemoryCluster(job: job, workers: 2, steps: steps)
try cluster.run()
print(cluster.failure ?? "\(cluster.reported) steps")
