import LockstepFormats
import Testing

@Suite struct SafetensorsTests {
    /// A file with this header and as many bytes of data.
    private func file(_ header: String, data: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
            + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
    }

    private func entry(_ begin: Int, _ end: Int, shape: String = "[1]", type: String = "F32") -> String {
        #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    @Test func roundTrips() throws {
        let tensors = [
            TensorView(name: "position", integers: [200, 2, -1]),
            TensorView(name: "b.weight", shape: [2, 3], floats: [1, -0.0, .infinity, 4, 5, 6]),
            TensorView(name: "a.ü\"\n", shape: [], floats: [7]),
            TensorView(name: "B.empty", shape: [0, 5], floats: []),
            try TensorView(name: "mask", type: .bool, shape: [3], bytes: [1, 0, 1]),
        ]
        let bytes = try Safetensors(tensors: tensors).encoded()
        let read = try Safetensors(parsing: bytes)
        #expect(read.metadata == [.init(key: "format", value: "pt")])
        #expect(Set(read.tensors.map(\.name)) == Set(tensors.map(\.name)))
        for tensor in tensors { #expect(read[tensor.name] == tensor) }
        // Large elements first, then the order of UTF-8 bytes.
        #expect(read.tensors.map(\.name) == ["position", "B.empty", "a.ü\"\n", "b.weight", "mask"])
        #expect(
            read["b.weight"]?.floats?.map(\.bitPattern) == [1, -0.0, .infinity, 4, 5, 6].map { Float($0).bitPattern })
        #expect(read["position"]?.integers == [200, 2, -1])
        #expect(try Safetensors(tensors: read.tensors, metadata: read.metadata).encoded() == bytes)
    }

    @Test func layoutIsThatOfTheFormat() throws {
        let tensors = [TensorView(name: "w", shape: [2], floats: [1, 2])]
        let bytes = try Safetensors(tensors: tensors, metadata: []).encoded()
        let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        let length = 56
        #expect(bytes.prefix(8) == [UInt8(length), 0, 0, 0, 0, 0, 0, 0])
        #expect(
            Array(bytes[8..<8 + length]) == Array(header.utf8)
                + Array(repeating: 0x20, count: length - header.utf8.count))
        #expect(bytes[64...] == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
    }

    @Test func readsEveryType() throws {
        for type in TensorType.allCases {
            let read = try Safetensors(
                parsing: file(
                    "{\"t\":\(entry(0, 2 * type.size, shape: "[2]", type: type.rawValue))}", data: 2 * type.size))
            #expect(read["t"]?.type == type)
        }
    }

    @Test func acceptsTensorsInAnyOrder() throws {
        let read = try Safetensors(
            parsing: file("{\"a\":\(entry(4, 8)),\"b\":\(entry(0, 4)),\"c\":\(entry(4, 4, shape: "[0]"))}  ", data: 8))
        #expect(read.tensors.map(\.name) == ["b", "c", "a"])
        #expect(read["a"]?.bytes == [4, 5, 6, 7])
    }

    @Test func refusesFlawedHeaders() {
        let flawed: [(String, String, Int)] = [
            ("hole", "{\"a\":\(entry(0, 4)),\"b\":\(entry(8, 12))}", 12),
            ("hole at the start", "{\"a\":\(entry(4, 8))}", 8),
            ("overlap", "{\"a\":\(entry(0, 4)),\"b\":\(entry(2, 6))}", 6),
            ("the same bytes twice", "{\"a\":\(entry(0, 4)),\"b\":\(entry(0, 4))}", 4),
            ("bytes left", "{\"a\":\(entry(0, 4))}", 5),
            ("cut short", "{\"a\":\(entry(0, 4))}", 3),
            ("wrong size", "{\"a\":\(entry(0, 4, shape: "[2]"))}", 4),
            ("backwards", "{\"a\":\(entry(4, 0))}", 4),
            ("negative extents", "{\"a\":\(entry(0, 4, shape: "[-1,-1]"))}", 4),
            ("an overflowing product", "{\"a\":\(entry(0, 4, shape: "[4294967296,4294967296,1]"))}", 4),
            ("an overflow that comes round", "{\"a\":\(entry(0, 0, shape: "[4611686018427387904,4]"))}", 0),
            ("a huge extent", "{\"a\":\(entry(0, 4, shape: "[99999999999999999999]"))}", 4),
            ("a fraction", "{\"a\":\(entry(0, 4, shape: "[1.0]"))}", 4),
            ("unknown dtype", "{\"a\":\(entry(0, 4, type: "F31"))}", 4),
            ("no dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4),
            ("another field", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4),
            ("three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4),
            ("a name twice", "{\"a\":\(entry(0, 4)),\"a\":\(entry(4, 8))}", 8),
            ("no object", "[1]", 0),
            ("a leading space", " {}", 0),
            ("metadata with a number", "{\"__metadata__\":{\"a\":1}}", 0),
        ]
        for (what, header, data) in flawed {
            #expect(throws: FormatError.self, "\(what)") { try Safetensors(parsing: file(header, data: data)) }
        }
        #expect(throws: FormatError.self) { try Safetensors(parsing: [UInt8](repeating: 0xFF, count: 16)) }
        #expect(throws: FormatError.self) { try Safetensors(parsing: []) }
        #expect((try? Safetensors(parsing: file("{}", data: 0))) != nil)
    }

    @Test func refusesToWriteOneNameTwice() {
        let tensor = TensorView(name: "a", integers: [1])
        #expect(throws: FormatError.self) { try Safetensors(tensors: [tensor, tensor]).encoded() }
        let reserved = TensorView(name: "__metadata__", integers: [1])
        #expect(throws: FormatError.self) { try Safetensors(tensors: [reserved]).encoded() }
    }

    @Test func tensorsMustFillTheirShape() {
        #expect(throws: FormatError.self) {
            try TensorView(name: "a", type: .float32, shape: [2], bytes: [0, 0, 0, 0])
        }
        #expect(throws: FormatError.self) {
            try TensorView(name: "a", type: .float32, shape: [-1, -1], bytes: [0, 0, 0, 0])
        }
    }

    @Test func damagedFilesNeverTrap() throws {
        let tensors = [TensorView(name: "a", shape: [2], floats: [1, 2]), TensorView(name: "b", integers: [3])]
        let bytes = try Safetensors(tensors: tensors).encoded()
        for count in bytes.indices {
            #expect(throws: FormatError.self) { try Safetensors(parsing: Array(bytes.prefix(count))) }
        }
        for index in bytes.indices {
            for change in [1, 2, 0x10, 0x80] as [UInt8] {
                var damaged = bytes
                damaged[index] ^= change
                guard let read = try? Safetensors(parsing: damaged) else { continue }
                #expect(read.tensors.reduce(0) { $0 + $1.bytes.count } <= bytes.count)
            }
        }
    }

    @Test func hostileHeadersAreRefused() throws {
        let name = String(repeating: "n", count: 512)
        #expect(try Safetensors(parsing: file("{\"\(name)\":\(entry(0, 4))}", data: 4)).tensors.count == 1)
        #expect(throws: FormatError.self) { try Safetensors(parsing: file("{\"\(name)n\":\(entry(0, 4))}", data: 4)) }
        let eight = "[1,1,1,1,1,1,1,1]"
        #expect(try Safetensors(parsing: file("{\"a\":\(entry(0, 4, shape: eight))}", data: 4)).tensors.count == 1)
        let nine = "[1,1,1,1,1,1,1,1,1]"
        #expect(throws: FormatError.self) {
            try Safetensors(parsing: file("{\"a\":\(entry(0, 4, shape: nine))}", data: 4))
        }
        let nested = "{\"a\":" + String(repeating: "[", count: 100_000)
        #expect(throws: FormatError.self) { try Safetensors(parsing: file(nested, data: 0)) }
        // Many tensors at one place: the same bytes must not count twice.
        let overlaps = (0..<2000).map { "\"t\($0)\":\(entry(0, 16, shape: "[4]"))" }.joined(separator: ",")
        #expect(throws: FormatError.self) { try Safetensors(parsing: file("{\(overlaps)}", data: 16)) }
        for length in [UInt64.max, 1 << 63, 100_000_001, 1 << 32] {
            let bytes = withUnsafeBytes(of: length.littleEndian, Array.init) + Array("{}".utf8)
            #expect(throws: FormatError.self) { try Safetensors(parsing: bytes) }
        }
    }
}
