import LockstepData

extension SampleReader {
    /// The input of a sample, and its target: the numbers of its classes, or its values.
    func sample(_ sample: Int) -> (input: [Float], target: [Float]) {
        var input = [Float](repeating: -77, count: inputShape.reduce(1, *))
        let words = UnsafeMutablePointer<UInt32>.allocate(capacity: target.elementCount)
        defer { words.deallocate() }
        words.initialize(repeating: 0xFFFF_FFFF, count: target.elementCount)
        input.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            read(sample, input: start, target: UnsafeMutableRawPointer(words))
        }
        return switch target {
        case .classes: (input, [Float(Int32(bitPattern: words[0]))])
        case .classSequence(_, let length): (input, (0..<length).map { Float(Int32(bitPattern: words[$0])) })
        case .values(let count): (input, (0..<count).map { Float(bitPattern: words[$0]) })
        }
    }

    func label(_ number: Int) -> Int { Int(sample(number).target[0]) }
}
