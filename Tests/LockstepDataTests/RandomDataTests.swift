import LockstepCore
import LockstepData
import Testing

@Suite struct RandomDataTests {
    @Test func tokensWithAClass() throws {
        let source = RandomTokens(count: 40, length: 50, tokens: 1000, classes: 2)
        let reader = try source.open(files: [])
        #expect(reader.inputShape == [50] && reader.target == .classes(2) && reader.tokenCount == 1000)
        #expect((0..<3).map { reader.label($0) } == [0, 1, 0] && reader.greatestLabelSample == 1)
        let tokens = (0..<40).flatMap { reader.sample($0).input }
        #expect(tokens.allSatisfy { (0..<1000).contains($0) && $0 == $0.rounded() })
        // 2000 draws of 1000 miss one in e² of them.
        #expect((820...910).contains(Set(tokens).count))
        #expect(reader.sample(0).input != reader.sample(1).input)
        var other = source
        other.part = .test
        #expect(try other.open(files: []).sample(0).input != reader.sample(0).input)
    }

    @Test func tokensThatFollow() throws {
        let reader = try RandomTokens(count: 4, length: 5, tokens: 256).open(files: [])
        #expect(reader.target == .classSequence(classes: 256, length: 5) && reader.preprocessing.tokens == .numbers)
        let (input, target) = reader.sample(2)
        #expect(Array(input.dropFirst()) == Array(target.dropLast()) && (0..<256).contains(target[4]))
        #expect(try RandomTokens(count: 1, length: 1, tokens: 1).open(files: []).sample(0) == ([0], [0]))
        // The target is no part of the input's draw.
        let classes = try RandomTokens(count: 4, length: 5, tokens: 256, classes: 3).open(files: [])
        #expect(classes.sample(2) == (input, [2]))
    }

    @Test func images() throws {
        let source = RandomImages(count: 12, height: 8, width: 6, channels: 3, classes: 10)
        let reader = try source.open(files: [])
        #expect(reader.inputShape == [8, 6, 3] && reader.target == .classes(10) && reader.tokenCount == nil)
        #expect(reader.label(11) == 1 && reader.preprocessing.images != nil)
        let pixels = (0..<12).flatMap { reader.sample($0).input }
        #expect(pixels.allSatisfy { (0..<1).contains($0) } && Set(pixels).count > 1700)
        let mean = pixels.reduce(0, +) / Float(pixels.count)
        #expect((0.47...0.53).contains(mean))
        var other = source
        other.seed = 2
        #expect(try other.open(files: []).sample(3).input != reader.sample(3).input)
    }

    @Test func impossibleSettingsAreRefused() {
        let sources: [any DataSource] = [
            RandomTokens(count: 0, length: 5, tokens: 256), RandomTokens(count: 1, length: 0, tokens: 256),
            RandomTokens(count: 1, length: 5, tokens: 0), RandomTokens(count: 1, length: 5, tokens: 5, classes: 0),
            RandomImages(count: 0, height: 1, width: 1, channels: 1, classes: 1),
            RandomImages(count: -1, height: 1, width: 1, channels: 1, classes: 1),
            RandomImages(count: 1 << 30, height: 28, width: 28, channels: 1, classes: 1),
            RandomImages(count: 1, height: 28, width: 28, channels: 17, classes: 1),
        ]
        for source in sources {
            let error = #expect(throws: CommandError.self) { try source.open(files: []) }
            #expect(error?.exitCode == .usage && error?.message.contains("\n") == false)
        }
    }
}
