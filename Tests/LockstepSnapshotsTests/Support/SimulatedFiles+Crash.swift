import LockstepTestSupport

extension SimulatedFiles {
    /// What a crash leaves of what was not synchronized.
    enum Persistence: CaseIterable {
        /// Everything arrived.
        case all
        /// Nothing arrived.
        case synchronizedOnly
        /// Names arrived, contents only in some blocks of 512 bytes; the rest reads as zeros.
        case tornContents
        /// Names arrived, contents did not.
        case namesBeforeContents
        /// Contents arrived, names did not.
        case contentsBeforeNames
        /// Each file and each directory one way or the other.
        case mixed
    }

    /// The file system as it is found after the crash.
    func afterCrash(_ persistence: Persistence, seed: UInt64) -> SimulatedFiles {
        var generator = SeededGenerator(seed: seed)
        var files: [ObjectIdentifier: File] = [:]
        let root = SimulatedFiles.survivor(state.root, persistence, &generator, &files)
        return SimulatedFiles(root: root, lie: lie)
    }

    /// A copy that shares nothing, with everything durable.
    func copy() -> SimulatedFiles { afterCrash(.all, seed: 0) }

    private static func survivor(
        _ directory: Directory, _ persistence: Persistence, _ generator: inout SeededGenerator,
        _ files: inout [ObjectIdentifier: File]
    ) -> Directory {
        let takesNames =
            switch persistence {
            case .all, .tornContents, .namesBeforeContents: true
            case .synchronizedOnly, .contentsBeforeNames: false
            case .mixed: Bool.random(using: &generator)
            }
        let result = Directory()
        let entries = takesNames ? directory.entries : directory.synchronized
        for (name, node) in entries.sorted(by: { $0.key < $1.key }) {
            switch node {
            case .directory(let inner):
                result.entries[name] = .directory(survivor(inner, persistence, &generator, &files))
            case .file(let file):
                let copy = files[ObjectIdentifier(file)] ?? File()
                files[ObjectIdentifier(file)] = copy
                copy.bytes = contents(file, persistence, &generator)
                copy.synchronized = copy.bytes
                result.entries[name] = .file(copy)
            }
        }
        result.synchronized = result.entries
        return result
    }

    private static func contents(
        _ file: File, _ persistence: Persistence, _ generator: inout SeededGenerator
    ) -> [UInt8] {
        switch persistence {
        case .all, .contentsBeforeNames: return file.bytes
        case .synchronizedOnly, .namesBeforeContents: return file.synchronized
        case .mixed where Bool.random(using: &generator):
            return Bool.random(using: &generator) ? file.bytes : file.synchronized
        case .tornContents, .mixed:
            guard file.bytes != file.synchronized else { return file.bytes }
            var bytes = file.bytes
            let old = file.synchronized + Array(repeating: 0, count: max(0, bytes.count - file.synchronized.count))
            for start in stride(from: 0, to: bytes.count, by: 512) where Bool.random(using: &generator) {
                let range = start..<min(start + 512, bytes.count)
                bytes.replaceSubrange(range, with: old[range])
            }
            return bytes
        }
    }
}
