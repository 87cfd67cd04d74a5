import LockstepCore
import LockstepData
import LockstepFormats
import Testing

@Suite struct DataInspectionTests {
    private func lines(_ bytes: [UInt8]) throws -> [String] {
        try DataInspection.describe(DataFile(name: "f\u{1B}", bytes: bytes))
    }

    @Test func tables() throws {
        let lines = try lines(Array("n,c\u{7},d\n1,x,5\n,y,NA\n2.5,x,nan\n".utf8))
        #expect(lines[0] == "file: f\\u{1b}")
        #expect(lines[1] == "size: 29 bytes")
        #expect(
            lines[2] == "digest: "
                + DigestBuilder.digest(of: Array("n,c\u{7},d\n1,x,5\n,y,NA\n2.5,x,nan\n".utf8)).description)
        #expect(
            lines[3...]
                == [
                    "CSV table: 3 rows, 3 columns", "n: numeric, min 1, max 2.5, mean 1.75, missing: 1",
                    "c\\u{7}: categorical, 2 categories: x 2, y 1", "d: numeric, min 5, max 5, mean 5, missing: 2",
                ][...])
    }

    @Test func arrays() throws {
        let npy = try lines(try NPYFormat.encoded(ArrayTests.tensor([2, 2], [1, .nan, -3, .infinity])))
        #expect(
            npy[3...]
                == ["npy array", "shape: [2, 2]", "type: F32", "values: min -3, max 1, mean -1, NaN: 1, infinite: 1"][
                    ...])
        let safetensors = try lines(
            try Safetensors(tensors: [ArrayTests.tensor("w\n", [3], [1, 2, 6]), ArrayTests.tensor("z", [0], [])])
                .encoded())
        #expect(
            safetensors[3...]
                == [
                    "safetensors: 2 tensors", "metadata format: pt", "w\\u{a}", "  shape: [3]", "  type: F32",
                    "  values: min 1, max 6, mean 3", "z", "  shape: [0]", "  type: F32",
                ][...])
    }

    @Test func images() throws {
        #expect(
            try lines(ImageTests.png(1, 2, 1, [0, 51]))[3...]
                == ["PNG image: 1×2×1", "pixels: min 0, max 51, mean 25.5"][...])
        let idx: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 6]
        #expect(try lines(idx)[3...] == ["IDX images: 2 of 1×1", "pixels: min 4, max 6, mean 5"][...])
        #expect(
            try lines([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 7])[3...]
                == ["IDX labels: 3", "classes: 2", "  2: 1", "  7: 2"][...])
        let cifar = [UInt8](repeating: 0, count: 3073)
        #expect(try lines(cifar)[3...] == ["CIFAR-10 images of 32×32×3: 1", "classes: 1", "  airplane: 1"][...])
        let folder = DataFile(
            name: "set",
            entries: [
                DataFile(name: "a/1", bytes: ImageTests.png(1, 2, 1, [0, 51])), DataFile(name: "a/2", bytes: [1]),
                DataFile(name: "b/1", bytes: ImageTests.png(1, 2, 1, [0, 51])),
            ])
        #expect(
            try DataInspection.describe(folder)[4...]
                == [
                    "directories: 2", "  a: 2", "  b: 1", "images (height×width×channels): 2", "  1×2×1: 2",
                    "  not PNG: 1",
                ][...])
    }

    @Test func texts() throws {
        #expect(
            try lines(Array("To be, or\nnot to be.\n".utf8))[3...] == [
                "text: 21 bytes, 11 different ones", "lines: 2, the longest of 10 bytes", "words: 6, 4 different ones",
            ])
        // The name tells a table of one column.
        let column = try DataInspection.describe(DataFile(name: "x.csv", bytes: Array("a\n1\n".utf8)))
        #expect(column[3] == "CSV table: 1 rows, 1 columns")
        #expect(throws: CommandError.self) {
            try DataInspection.describe(DataFile(name: "x.csv", bytes: Array("a,b\n1\n".utf8)))
        }
        #expect(
            try lines(Array("text,n\n\"it is not, well, bad\",1\nwe go,2\nwe do not go,3\n".utf8))[4]
                == "text: text, words a row: min 2, max 5, mean 3.6666667, different words: 8")
        #expect(
            try lines([9, 0, 1, 2, 0xFF, 0])[3...] == [
                "bytes of no known format: 6, 5 different ones", "as tokens of type u16: 3, at most 513",
            ])
        #expect(try lines([9, 0, 0xFF])[3...] == ["bytes of no known format: 3, 3 different ones"])
        let folder = DataFile(
            name: "docs/",
            entries: [
                DataFile(name: "a/x.md", bytes: Array("one\ntwo\n".utf8)), DataFile(name: "b.md", bytes: [65]),
                DataFile(name: "LICENSE", bytes: [65]), DataFile(name: "z.bin", bytes: [0xFF]),
            ])
        #expect(
            try DataInspection.describe(folder)[4...] == [
                "endings: 3", "  none: 1", "  .md: 2", "  .bin: 1", "UTF-8 texts: 3 of 4, 10 bytes, 4 lines",
            ])
    }

    @Test func damagedFilesAreNamed() throws {
        let sound = [
            try NPYFormat.encoded(ArrayTests.tensor([2, 2], [1, 2, 3, 4])), ImageTests.png(1, 2, 1, [0, 51]),
            [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 6],
        ]
        for bytes in sound {
            let error = #expect(throws: CommandError.self) { try lines(Array(bytes.dropLast())) }
            #expect(error?.message.hasPrefix("“f\\u{1b}”: ") == true)
        }
        #expect(throws: CommandError.self) { try lines([]) }
        #expect(throws: CommandError.self) { try DataInspection.describe(path: "/absent/file") }
    }
}
