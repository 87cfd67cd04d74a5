internal import LockstepCore
internal import LockstepData

/// The data of a job, opened. What is fitted to data is fitted to the training samples alone.
struct JobData {
    let train: any SampleReader
    /// What `data.train` names, before a part of it is split off.
    let digest: Digest
    let validation: (any SampleReader)?
    let test: (any SampleReader)?

    init(_ job: Job, file: (DataPath) throws -> DataFile) throws {
        let opened = try job.train.open(files: try job.train.paths.map(file), preprocessing: nil)
        digest = opened.contentDigest
        var train = opened
        var validation: (any SampleReader)?
        if case .split(let fraction)? = job.validation {
            let parts = try Split(fraction).apply(to: opened, seed: job.seed)
            train = parts.training
            validation = parts.validation
        }
        try job.transforms.validate(inputShape: train.inputShape)
        if case .source(let source)? = job.validation {
            validation = try JobData.open(source, "data.validation", like: train, file: file)
        }
        self.train = train
        self.validation = validation
        self.test = try job.test.map { try JobData.open($0, "data.test", like: train, file: file) }
    }

    private static func open(
        _ source: any DataSource, _ key: String, like train: any SampleReader, file: (DataPath) throws -> DataFile
    ) throws -> any SampleReader {
        let reader = try source.open(files: try source.paths.map(file), preprocessing: train.preprocessing)
        guard reader.inputShape == train.inputShape else {
            throw CommandError.usage(
                "\(key): its samples have shape \(reader.inputShape), those of data.train \(train.inputShape); give both the same shape"
            )
        }
        return reader
    }
}
