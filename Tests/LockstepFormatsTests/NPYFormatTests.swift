import LockstepFormats
import LockstepTestSupport
import Testing

/// The files of the corpus were written by NumPy.
@Suite struct NPYFormatTests {
    private func file(_ name: String) throws -> [UInt8] {
        try #require(try Fuzzer.files(of: "npy").first { $0.name == name }?.bytes)
    }

    private func floats(_ tensor: TensorView) -> [Float] { (0..<tensor.count).map { tensor.float(at: $0) } }

    @Test(arguments: [
        ("i1", TensorType.int8), ("u1", .uint8), ("little-i2", .int16), ("little-u2", .uint16), ("little-i4", .int32),
        ("little-u4", .uint32), ("little-i8", .int64), ("little-u8", .uint64), ("little-f2", .float16),
        ("little-f4", .float32), ("little-f8", .float64), ("big-i4", .int32), ("big-f8", .float64),
    ])
    func readsEveryKind(name: String, type: TensorType) throws {
        let tensor = try NPYFormat.read(try file(name + ".npy"))
        #expect(tensor.type == type && tensor.shape == [3, 4])
        let first = type.rawValue.hasPrefix("U") ? 0 : -3
        let expected: [Int?] = (0..<12).map { $0 + first }
        #expect(floats(tensor) == expected.map { Float($0 ?? 0) })
        #expect((0..<12).map { tensor.int(at: $0) } == expected)
    }

    @Test func readsTruthValuesAndOddShapes() throws {
        let truths = try NPYFormat.read(try file("b1.npy"))
        let expected: [Float] = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
        #expect(truths.type == .bool && floats(truths) == expected)
        let scalar = try NPYFormat.read(try file("scalar.npy"))
        #expect(scalar.shape == [] && floats(scalar) == [2.5] && scalar.int(at: 0) == nil)
        #expect(try NPYFormat.read(try file("empty.npy")).shape == [0, 5])
        #expect(try NPYFormat.read(try file("vector.npy")).shape == [5])
        for name in ["version2.npy", "version3.npy"] {
            #expect(try floats(NPYFormat.read(try file(name))) == [0, 1, 2, 3, 4, 5])
        }
        let old = try NPYFormat.read(try file("python2.npy"))
        #expect(old.shape == [2, 1] && floats(old) == [1, 2])
    }

    @Test func fortranOrderIsConverted() throws {
        let cube = try NPYFormat.read(try file("fortran.npy"))
        let expected = (0..<24).map { Float($0) }
        #expect(cube.shape == [2, 3, 4] && floats(cube) == expected)
        let big = try NPYFormat.read(try file("fortran-big.npy"))
        #expect(big.type == .int16 && floats(big) == [0, 1, 2, 3, 4, 5])
    }

    @Test func whatIsWrittenIsWhatNumPyWrites() throws {
        for name in ["scalar", "empty", "vector", "i1", "u1", "b1", "little-f2", "little-f4", "little-f8", "little-i8"]
        {
            let file = try file(name + ".npy")
            #expect(try NPYFormat.encoded(NPYFormat.read(file)) == file, "\(name)")
        }
        let float8 = try TensorView(name: "x", type: .float8E4M3, shape: [1], bytes: [0])
        #expect(throws: FormatError.self) { try NPYFormat.encoded(float8) }
    }

    private func npy(_ header: String, data: Int = 8) -> [UInt8] {
        [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
            + Array(repeating: 0, count: data)
    }

    @Test func headersMayBeWrittenFreely() throws {
        let free = npy("{\"shape\":(2,),'fortran_order':False , 'descr':'<f4'}\n")
        #expect(try NPYFormat.read(free).shape == [2])
        #expect(try NPYFormat.read(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 4)}")).shape == [2, 4])
    }

    @Test(arguments: [
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 9223372036854775807, 4,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ((2,),)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)}",
        "{'descr': '<f4",
        "",
    ])
    func hostileHeadersAreRefused(header: String) {
        #expect(throws: FormatError.self) { try NPYFormat.read(npy(header)) }
    }

    @Test func everyTruncationIsAnError() throws {
        let file = try file("fortran.npy")
        for count in file.indices {
            #expect(throws: FormatError.self) { try NPYFormat.read(Array(file.prefix(count))) }
        }
        #expect(throws: FormatError(offset: file.count, "bytes follow the array of the npy file")) {
            try NPYFormat.read(file + [0])
        }
    }

    @Test func halfAndBrainFloatsAreExact() throws {
        let halves: [(UInt16, Float)] = [
            (0x3C00, 1), (0xC000, -2), (0x0001, 0x1p-24), (0x03FF, 0x1.FF8p-15), (0x0400, 0x1p-14), (0x7BFF, 65504),
            (0x7C00, .infinity), (0xFC00, -.infinity), (0x8000, -0.0), (0x3555, 0x1.554p-2),
        ]
        for (bits, value) in halves {
            let bytes = [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
            let half = try TensorView(name: "", type: .float16, shape: [1], bytes: bytes[...])
            #expect(half.float(at: 0).bitPattern == value.bitPattern)
        }
        let nan = try TensorView(name: "", type: .float16, shape: [1], bytes: [0x01, 0x7E])
        #expect(nan.float(at: 0).isNaN && nan.int(at: 0) == nil)
        let brain = try TensorView(name: "", type: .bfloat16, shape: [1], bytes: [0x80, 0xBF])
        #expect(brain.float(at: 0) == -1)
        let unaligned = try TensorView(
            name: "", type: .uint64, shape: [1], bytes: Array(repeating: 0xFF, count: 8)[...])
        #expect(unaligned.int(at: 0) == nil && unaligned.float(at: 0) == 0x1p64)
    }
}
