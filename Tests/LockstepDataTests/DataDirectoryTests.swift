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

    /// A directory of classes beside `data`'s other files.
    private func addClasses(_ data: String) throws {
        let files = FileManager.default
        for name in ["b", "a-b", "a", ".hidden"] {
            try files.createDirectory(atPath: data + "/set/" + name, withIntermediateDirectories: true)
            for file in ["2", "10", ".DS_Store"] {
                try Data((name + file).utf8).write(to: URL(fileURLWithPath: data + "/set/\(name)/\(file)"))
            }
        }
        try files.createSymbolicLink(atPath: data + "/set/b/3", withDestinationPath: "../../file")
        try files.createSymbolicLink(atPath: data + "/set/linked", withDestinationPath: "a")
        try Data("top".utf8).write(to: URL(fileURLWithPath: data + "/set/Ü"))
    }

    private static let classEntries = [
        "a-b/10", "a-b/2", "a/10", "a/2", "b/10", "b/2", "b/3", "linked/10", "linked/2", "Ü",
    ]

    @Test func directoriesAreReadWhole() throws {
        try withDirectories { outer, data in
            try addClasses(data)
            let directory = try DataDirectory(root: data)
            let here = try RegularFile.read(.directory("shown"), at: data + "/set")
            for found in [
                try directory.read(.directory("set")),
                try directory.read(.directory("absent"), absolutePath: data + "/inner/../set"), here,
            ] {
                #expect(found.isDirectory)
                #expect(found.entries.map(\.name) == DataDirectoryTests.classEntries)
                #expect(
                    found.entries.map { String(decoding: $0.bytes, as: UTF8.self) }[6...9] == ["f", "a10", "a2", "top"])
            }
            #expect(here.name == "shown")
            #expect(try directory.read(.file("file")).bytes == Array("f".utf8))
            #expect(try RegularFile.read(.file("f"), at: data + "/file").bytes == Array("f".utf8))
        }
    }

    @Test func directoriesAreReadToTheirDepths() throws {
        try withDirectories { _, data in
            for name in ["tree/b/c/d", "tree/b-c", "tree/.git/x"] {
                try FileManager.default.createDirectory(atPath: data + "/" + name, withIntermediateDirectories: true)
                try Data(name.utf8).write(to: URL(fileURLWithPath: data + "/\(name)/file"))
            }
            for found in [
                try DataDirectory(root: data).read(.directory("tree/")),
                try RegularFile.read(.directory("tree/"), at: data + "/tree/"),
            ] {
                #expect(found.entries.map(\.name) == ["b-c/file", "b/c/d/file"])
                #expect(try DataFile(unpacking: found.packed, name: "tree/").digest() == found.digest())
            }
        }
    }

    @Test func nothingLeadsOutOfDirectories() throws {
        try withDirectories { outer, data in
            try addClasses(data)
            let directory = try DataDirectory(root: data)
            for name in ["../database", "directory-out", "directory-out/database", "..", outer + "/database", "/etc"] {
                let error = #expect(throws: CommandError.self) { try directory.read(.directory(name)) }
                #expect(error?.message.contains("“\(name)”: lies outside") == true, "\(error?.message ?? "")")
            }
            for (link, target) in [("set/b/out", "../../../secret"), ("set/out", "../../database")] {
                try FileManager.default.createSymbolicLink(atPath: data + "/" + link, withDestinationPath: target)
                let error = #expect(throws: CommandError.self) { try directory.read(.directory("set")) }
                #expect(error?.message.contains("a link that leads outside") == true, "\(error?.message ?? "")")
                // The canary: the user's own process may follow it.
                #expect(try RegularFile.read(.directory("set"), at: data + "/set").entries.count > 10)
                try FileManager.default.removeItem(atPath: data + "/" + link)
            }
        }
    }

    @Test func oddDirectoriesAreNamed() throws {
        try withDirectories { outer, data in
            try addClasses(data)
            func message(_ name: String, _ limits: DirectoryLimits = DirectoryLimits()) -> String {
                let error = #expect(throws: CommandError.self) {
                    try RegularFile.read(.directory(name), at: data + "/" + name, limits: limits)
                }
                #expect(error?.message.contains("\n") == false)
                return error?.message ?? ""
            }
            #expect(message("absent").contains("No such file"))
            #expect(message("file").contains("Not a directory"))
            #expect(message("set", DirectoryLimits(maximumFiles: 9)).contains("more than 9 files"))
            #expect(message("set", DirectoryLimits(maximumBytes: 20)).contains("more than 20 bytes"))
            #expect(
                try RegularFile.read(
                    .directory("set"), at: data + "/set", limits: DirectoryLimits(maximumBytes: 28, maximumFiles: 10)
                ).entries.count == 10)
            #expect(try DataDirectory(root: data, maximumBytes: 28).read(.directory("set")).entries.count == 10)
            #expect(throws: CommandError.self) {
                try DataDirectory(root: data, maximumBytes: 27).read(.directory("set"))
            }
            #expect(throws: CommandError.self) { try DataDirectory(root: data).read(.directory("file")) }
            try FileManager.default.createDirectory(atPath: data + "/empty/inner", withIntermediateDirectories: true)
            #expect(message("empty").contains("there is no file in it"))
            let deep = String(repeating: "/deep", count: 16)
            try FileManager.default.createDirectory(atPath: data + "/set/a" + deep, withIntermediateDirectories: true)
            #expect(message("set").contains("“a\(deep)”: files lie at most 16 directories deep"))
            try FileManager.default.removeItem(atPath: data + "/set/a/deep")
            // The way out of a loop.
            try FileManager.default.createSymbolicLink(atPath: data + "/set/loop", withDestinationPath: ".")
            #expect(message("set").contains("is it a link that leads back?"))
            try FileManager.default.removeItem(atPath: data + "/set/loop")
            #expect(mkfifo(data + "/set/pipe", 0o600) == 0)
            #expect(message("set").contains("“pipe”: neither a file nor a directory"))
        }
    }
}
