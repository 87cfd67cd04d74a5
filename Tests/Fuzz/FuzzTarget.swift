internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepCore
internal import LockstepFormats

/// What libFuzzer's inputs are given to. The raw value is what `LOCKSTEP_FUZZ_TARGET` says and the corpus is called.
enum FuzzTarget: String, CaseIterable {
    case csv, npy, png, cifar10, idx, deflate, zlib, gzip, json, safetensors, words, tokens
    /// What peers send, and what a coordinator decided.
    case header, record, greeting, message, item, journal
    /// Is wrong on purpose: proves that the fuzzer finds what is to be found.
    case canary

    /// No reader may take or make more here.
    private static let maximumBytes = 1 << 20

    /// Reads the bytes. An error is as good as success; only a trap or memory without bound is a finding.
    func read(_ bytes: [UInt8]) throws {
        switch self {
        case .csv:
            let table = try CSVFormat.read(bytes)
            for index in 0..<table.rowCount {
                for field in table.row(index) {
                    _ = (field.text, field.float, field.double, field.int, field.isMissing)
                }
            }
        case .npy:
            let tensor = try NPYFormat.read(bytes)
            for index in 0..<tensor.count { _ = (tensor.float(at: index), tensor.int(at: index)) }
            let again = try? NPYFormat.read(NPYFormat.encoded(tensor))
            precondition(again?.bytes.elementsEqual(tensor.bytes) == true, "what is written does not read back")
        case .png:
            let image = try PNGFormat.decode(bytes, maximumPixels: FuzzTarget.maximumBytes)
            _ = (image.converted(toChannels: 1), image.converted(toChannels: 3))
        case .cifar10:
            let images = try CIFAR10Format.read(bytes)
            for index in 0..<images.count { _ = (images.label(index), images.pixels(index)) }
        case .idx:
            _ = try? IDXFormat.labels(bytes, maximumBytes: FuzzTarget.maximumBytes)
            _ = try IDXFormat.images(bytes, maximumBytes: FuzzTarget.maximumBytes)
        case .deflate: _ = try Inflate.inflate(bytes, maximumBytes: FuzzTarget.maximumBytes)
        case .zlib: _ = try Inflate.unzlib(bytes, maximumBytes: FuzzTarget.maximumBytes)
        case .gzip: _ = try Inflate.gunzip(bytes, maximumBytes: FuzzTarget.maximumBytes)
        case .json:
            let value = try JSONValue(parsing: bytes)
            precondition((try? JSONValue(parsing: value.bytes)) == value, "what is written does not read back")
        case .safetensors:
            let file = try Safetensors(parsing: bytes)
            precondition(file.tensors.reduce(0) { $0 + $1.bytes.count } <= bytes.count, "the tensors overlap")
            let again = try? Safetensors(parsing: file.encoded())
            precondition(again?.tensors.count == file.tensors.count, "what is written does not read back")
        case .words:
            try PlainText.check(bytes)
            precondition(String(validating: bytes, as: UTF8.self) != nil, "it is no UTF-8")
            let words = PlainText.lines(bytes).reduce(0) { $0 + Array(WordScanner($1)).count }
            precondition(Array(WordScanner(bytes[...])).count == words, "a line cut a word")
        case .tokens:
            for type in [TensorType.uint8, .uint16, .uint32] {
                let (tokens, greatest) = try TokenFormat.read(bytes, type: type)
                for index in 0..<tokens.count {
                    precondition((0...greatest).contains(tokens.int(at: index) ?? -1), "a token is out of range")
                }
            }
        case .header:
            let header = try FrameHeader(decoding: bytes)
            precondition(header.bytes.elementsEqual(bytes.prefix(FrameHeader.byteCount)), "it is read as another")
        case .record:
            let plan = try FuzzTarget.plan.get()
            let record = try ControlRecord(decoding: bytes, from: 1, by: plan)
            precondition(record.encoded(by: plan) == bytes, "it is read as another")
        case .greeting:
            try FuzzTarget.survives(
                try ControlMessageCoding.decodeGreeting(bytes), ControlMessageCoding.encode,
                ControlMessageCoding.decodeGreeting)
        case .message:
            try FuzzTarget.survives(
                try ControlMessageCoding.decodeMessage(bytes), ControlMessageCoding.encode,
                ControlMessageCoding.decodeMessage)
        case .item:
            try FuzzTarget.survives(
                try ControlMessageCoding.decodeItem(bytes), ControlMessageCoding.encode,
                ControlMessageCoding.decodeItem)
        case .journal:
            let record = try ControlMessageCoding.decodeRecord(bytes)
            try FuzzTarget.survives(record, ControlMessageCoding.encode, ControlMessageCoding.decodeRecord)
            _ = JournalRecord.replay([record, record])
        case .canary:
            let header = Array("LS".utf8)
            if bytes.starts(with: header), bytes.count > 3 { _ = bytes[header.count + Int(bytes[2])] }
        }
    }

    /// The second of two members sends records.
    private static let plan = Result {
        try ExchangePlan(
            tree: LaneTree(laneCount: 8), lanes: [0..<3, 3..<8], ownIndex: 1, elementCount: 64, sumCount: 2,
            settings: ExchangeSettings())
    }

    /// What was said once can be said again. As bytes: what is no number is not equal to itself.
    private static func survives<Value>(
        _ value: Value, _ encode: (Value) throws -> [UInt8], _ decode: ([UInt8]) throws -> Value
    ) throws {
        let bytes = try encode(value)
        let again = try encode(try decode(bytes))
        precondition(again == bytes, "what is written does not read back")
    }
}
