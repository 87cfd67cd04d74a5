/// What snapshots and the journal ask of a file system: single calls, each of which may fail, so that tests can stand
/// between any two of them. `SystemFiles` is the real one.
///
/// Handles are numbers that `createFile`, `openFile` and `openForUpdating` give out and `close` takes back.
package protocol FileLayer: Sendable {
    func makeDirectory(_ path: String) throws(FileFault)

    /// The names in a directory without `.` and `..`, in any order.
    func names(in directory: String) throws(FileFault) -> [String]

    /// Creates a file for writing; one that exists is a fault (`EEXIST`).
    func createFile(_ path: String) throws(FileFault) -> Int32

    /// Opens a plain file for reading; a link or anything else is a fault.
    func openFile(_ path: String) throws(FileFault) -> Int32

    /// Opens a plain file for reading and writing.
    func openForUpdating(_ path: String) throws(FileFault) -> Int32

    /// The length of an open file in bytes.
    func size(of handle: Int32) throws(FileFault) -> Int

    /// Reads at most as many bytes as `buffer` holds, and returns how many; 0 at the end.
    func read(_ handle: Int32, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileFault) -> Int

    /// Writes some of `bytes`, and returns how many.
    func write(_ handle: Int32, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Int

    func truncate(_ handle: Int32, to size: Int) throws(FileFault)

    /// Returns once the file's contents are on stable storage.
    func synchronize(_ handle: Int32) throws(FileFault)

    func close(_ handle: Int32)

    /// Returns once the names in a directory are on stable storage.
    func synchronizeDirectory(_ path: String) throws(FileFault)

    /// Moves a file or directory; a file at `target` is replaced.
    func rename(_ path: String, to target: String) throws(FileFault)

    func removeFile(_ path: String) throws(FileFault)

    /// Removes an empty directory.
    func removeDirectory(_ path: String) throws(FileFault)
}
