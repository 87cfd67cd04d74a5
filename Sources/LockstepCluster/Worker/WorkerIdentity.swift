/// What a worker says about itself in every HELLO.
package struct WorkerIdentity: Sendable, Equatable {
    package var name: String
    package var process: ProcessNumber
    package var host: String
    package var processIdentifier: Int32
    package var version: String
    package var instructionSet: String
    package var threads: Int
    /// That the process may use.
    package var cores: Int
    /// Whether it was told these cores (`--cores`).
    package var hasOwnCores: Bool

    package init(
        name: String, process: ProcessNumber, host: String, processIdentifier: Int32, version: String,
        instructionSet: String, threads: Int, cores: Int = 1, hasOwnCores: Bool = false
    ) {
        self.name = name
        self.process = process
        self.host = host
        self.processIdentifier = processIdentifier
        self.version = version
        self.instructionSet = instructionSet
        self.threads = threads
        self.cores = cores
        self.hasOwnCores = hasOwnCores
    }

    /// The first message of a connection.
    package func hello(_ purpose: Hello.Purpose, _ standing: WorkerStanding = WorkerStanding()) -> Hello {
        Hello(
            name: name, process: process, host: host, processIdentifier: processIdentifier, purpose: purpose,
            running: standing.running, promised: standing.promised, version: version,
            instructionSet: instructionSet, threads: threads, cores: cores, hasOwnCores: hasOwnCores,
            incarnation: standing.incarnation, isPrepared: standing.isPrepared)
    }
}
