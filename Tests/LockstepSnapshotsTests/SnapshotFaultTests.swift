import Glibc
import LockstepCore
import LockstepSnapshots
import Testing

/// Every call to the file system fails once, in every way that disks fail.
@Suite struct SnapshotFaultTests {
    private static let codes =
        [ENOSPC, EIO, EINTR] + (TestAmount.isLong ? [EDQUOT, EROFS, EMFILE, ENOMEM, EACCES] : [])

    private static func prepared() throws -> SimulatedFiles {
        let files = try SmallState.files()
        for step in [1, 2] { try SmallState.store(files).write(SmallState.contents(step: step)) }
        return files
    }

    /// Runs `body` once for each of its calls and each fault at that call.
    private static func everyFault(
        _ body: (SnapshotStore) throws -> Void,
        check: (_ files: SimulatedFiles, _ fault: SimulatedFiles.Fault, _ call: String, _ error: CommandError?) throws
            -> Void
    ) throws {
        let prepared = try prepared()
        let whole = prepared.copy()
        try body(SmallState.store(whole))
        for number in 0..<whole.calls {
            for fault in codes.map(SimulatedFiles.Fault.error) + [.short] {
                let files = prepared.copy()
                files.fail(fault, atCall: number)
                var failure: CommandError?
                do {
                    try body(SmallState.store(files))
                } catch let error as CommandError {
                    failure = error
                }
                #expect(files.openHandles == 0)
                if let failure {
                    #expect(!failure.message.isEmpty && !failure.message.contains("\n"))
                }
                try check(files, fault, files.log[number], failure)
            }
        }
    }

    @Test func aFailedSaveHarmsNothing() throws {
        try Self.everyFault { store in
            try store.write(SmallState.contents(step: 3))
        } check: { files, fault, call, error in
            let store = SmallState.store(files)
            for step in [1, 2] { #expect(try store.verify(step: step) == []) }
            let isThere = try store.list().contains { $0.step == 3 }
            if isThere { #expect(try store.verify(step: 3) == []) }
            #expect(error != nil || isThere)
            if call.hasPrefix("fsync"), fault != .short { #expect(error?.exitCode == .failed) }
            let isData = ["read ", "write ", "open ", "create ", "fstat "].contains { call.hasPrefix($0) }
            if fault == .short || (fault == .error(EINTR) && isData) {
                #expect(error == nil, "\(call)")
            }
            // Space came back: the same save works.
            try store.write(SmallState.contents(step: 3))
            #expect(try store.verify(step: 3) == [])
            try store.removeLeftovers()
            #expect(try files.names(in: "/run/snapshots").sorted() == [1, 2, 3].map(RunDirectory.snapshotName))
        }
    }

    @Test func aFailedDeleteHarmsNothing() throws {
        try Self.everyFault { store in
            let report = try store.prune(Retention(keep: 1))
            if !report.failures.isEmpty { throw CommandError.failed(report.failures[0]) }
        } check: { files, _, _, _ in
            let store = SmallState.store(files)
            #expect(try store.verify(step: 2) == [])
            for listing in try store.list() { #expect(try store.verify(step: listing.step) == []) }
            try store.removeLeftovers()
            let names = try files.names(in: "/run/snapshots")
            #expect(!names.contains { $0.hasPrefix(".") })
            #expect(try store.prune(Retention(keep: 1)).removed == (names.count == 1 ? [] : [1]))
        }
    }

    /// A fault that says nothing about the snapshot must not lead to an older one; an unreadable one is passed over.
    @Test func onlyDamageIsPassedOver() throws {
        var found: VerifiedSnapshot?
        try Self.everyFault { store in
            found = nil
            found = try store.newestVerified()
        } check: { _, fault, call, error in
            guard let found, error == nil else {
                #expect(error?.exitCode == .failed)
                return
            }
            if fault == .error(EIO), !call.hasPrefix("readdir") {
                #expect(found.snapshot?.manifest.step == 1 || found.passedOver.isEmpty)
            } else {
                #expect(found.snapshot?.manifest.step == 2 && found.passedOver.isEmpty)
            }
        }
    }

    @Test func aFailedCopyLeavesNothing() throws {
        try Self.everyFault { store in
            try store.export(step: 1, to: "/run/exported")
        } check: { files, _, _, error in
            let store = SmallState.store(files)
            if try files.names(in: "/run").contains("exported") {
                try SmallState.store(files).importSnapshot(from: "/run/exported")
            } else {
                #expect(error != nil)
            }
            #expect(try store.verify(step: 1) == [])
        }
    }
}
