import Foundation
import LockstepCore
import LockstepData
import Testing

@Suite struct DataDirectoryTests {
    /// A directory `outer` with a file, and in it `data` with a file, a directory with a file, and links.
    private func withDirectories(_ body: (_ outer: String, _ data: String) throws -> Void) throws {
        let files = FileManager.default
        let outer = files.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path
        defer { try? files.removeItem(atPath: outer) }
        let data = outer + "/data"
        try files.createDirectory(atPath: data + "/inner", withIntermediateDirectories: true)
        try files.createDirectory(atPath: outer + "/database", withIntermediateDirectories: true)
        for (path, text) in [("secret", "s"), ("database/file", "d"), ("data/file", "f"), ("data/inner/file", "i")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: outer + "/" + path))
        }
        try files.createSymbolicLink(atPath: data + "/link-in", withDestinationPath: "inner/file")
        try files.createSymbolicLink(atPath: data + "/link-out", withDestinationPath: outer + "/secret")
        try files.createSymbolicLink(atPath: data + "/directory-out", withDestinationPath: "..")
        try files.createSymbolicLink(atPath: data + "/dangling", withDestinationPath: "nowhere")
        try files.createSymbolicLink(atPath: outer + "/data-link", withDestinationPath: "data")
        try body(outer, data)
    }

    @Test func readsBeneathTheDirectory() throws {
        try withDirectories { outer, data in
            let directory = try DataDirectory(root: data)
            #expect(try directory.read(name: "file") == Array("f".utf8))
            #expect(try directory.read(name: "inner/file") == Array("i".utf8))
            #expect(try directory.read(name: "inner/../file") == Array("f".utf8))
            #expect(try directory.read(name: "link-in") == Array("i".utf8))
            #expect(try directory.read(name: data + "/file") == Array("f".utf8))
            #expect(try directory.read(name: "absent", absolutePath: data + "/inner/file") == Array("i".utf8))
            #expect(try directory.read(name: "../secret", absolutePath: data + "/file") == Array("f".utf8))
            #expect(try directory.read(name: "file", absolutePath: outer + "/secret") == Array("f".utf8))
            #expect(
                try DataDirectory(root: outer + "/data-link").read(name: "x", absolutePath: data + "/file")
                    == Array("f".utf8))
            #expect(try DataDirectory(root: "/").read(name: data + "/file") == Array("f".utf8))
        }
    }

    @Test func nothingLeadsOut() throws {
        try withDirectories { outer, data in
            let directory = try DataDirectory(root: data)
            let names = [
                "../secret", "link-out", "directory-out/secret", "inner/../../secret", outer + "/secret",
                outer + "/database/file", "../database/file", data + "/../secret", "/etc/passwd",
            ]
            for name in names {
                for absolutePath in [nil, outer + "/secret", "/etc/passwd", data + "/link-out"] {
                    let error = #expect(throws: CommandError.self) {
                        try directory.read(name: name, absolutePath: absolutePath)
                    }
                    #expect(error?.exitCode == .usage)
                    #expect(error?.message.contains("“\(name)”: lies outside") == true, "\(error?.message ?? "")")
                }
            }
            // The names do lead to files where the directory is a wider one.
            #expect(try DataDirectory(root: outer).read(name: "data/link-out") == Array("s".utf8))
        }
    }

    @Test func missingFilesAndOddOnesAreNamed() throws {
        try withDirectories { outer, data in
            let directory = try DataDirectory(root: data, maximumBytes: 1)
            func message(_ name: String) -> String? {
                #expect(throws: CommandError.self) { try directory.read(name: name) }?.message
            }
            for name in ["absent", "dangling", "file/x", ""] {
                #expect(message(name)?.hasPrefix("data file “\(name)”: there is no such file beneath") == true)
            }
            #expect(message("fi\0le")?.contains("there is no such file") == true)
            #expect(message("inner")?.hasSuffix("it is not a regular file") == true)
            #expect(mkfifo(data + "/pipe", 0o600) == 0)
            #expect(message("pipe")?.hasSuffix("it is not a regular file") == true)
            try Data("too long".utf8).write(to: URL(fileURLWithPath: data + "/long"))
            #expect(message("long")?.hasSuffix("it has 8 bytes; the limit is 1") == true)
            #expect(throws: CommandError.self) { try DataDirectory(root: outer + "/absent") }
        }
    }
}
