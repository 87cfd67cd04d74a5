import LockstepCore
import LockstepFormats
import Testing

@testable import LockstepData

@Suite struct SentencesTests {
    private func reader(_ sentences: Sentences) throws -> any SampleReader { try sentences.open(files: []) }

    private func words(_ reader: any SampleReader, _ sample: Int) -> [String] {
        let known = reader.preprocessing.text?.words ?? []
        return reader.sample(sample).input.compactMap { $0 >= 2 ? known[Int($0) - 2] : nil }
    }

    @Test func wordsAreDistinctAndReadable() {
        let meaningful =
            SentenceWords.praise + SentenceWords.blame + SentenceWords.negations + SentenceWords.degrees
            + [SentenceWords.contrast, SentenceWords.addition]
        let all = meaningful + (0..<SentenceWords.fillerCount).map { SentenceWords.filler($0) }
        #expect(Set(all).count == all.count)
        for word in all {
            #expect(Array(WordScanner(Array(word.utf8)[...])) == [Array(word.utf8)])
        }
    }

    /// Any change of a text is a new version.
    @Test func textsStayWhatTheyAre() throws {
        let reader = try reader(Sentences(count: 400))
        #expect(reader.inputShape == [24] && reader.target == .classes(2))
        #expect(reader.preprocessing.classNames == ["negative", "positive"])
        #expect((0..<4).map { reader.label($0) } == [0, 1, 0, 1])
        #expect(
            words(reader, 0).joined(separator: " ")
                == "veban tivun falun noisy baban loban tepar nimor kugon vofon lipin weban riwun feban geban zaben biben and never so clever"
        )
        #expect(
            reader.contentDigest.description == "c953a984c71db320bd724a5545c662238b502b8a31b9621d66fc313d6168c506")
    }

    /// What a text says follows from its order: from the last opinion, turned by a negation before it.
    @Test func theOrderOfWordsTellsTheClass() throws {
        let count = 600
        let reader = try reader(Sentences(count: count, vocabulary: 1 << 17))
        let (praise, blame, negations) = (
            Set(SentenceWords.praise), Set(SentenceWords.blame), Set(SentenceWords.negations)
        )
        var (right, naive) = (0, 0)
        for sample in 0..<count {
            let words = words(reader, sample)
            #expect((12...24).contains(words.count))
            guard let last = words.lastIndex(where: { praise.contains($0) || blame.contains($0) }) else {
                Issue.record("sample \(sample) says nothing")
                continue
            }
            let isNegated = words[max(0, last - 2)..<last].contains { negations.contains($0) }
            let says = praise.contains(words[last]) != isNegated
            if says == (reader.label(sample) == 1) { right += 1 }
            let balance = words.reduce(0) { $0 + (praise.contains($1) ? 1 : blame.contains($1) ? -1 : 0) }
            if (balance > 0) == (reader.label(sample) == 1) { naive += 1 }
        }
        #expect(right == count)
        // Counting words is not enough.
        #expect(naive < count * 3 / 4)
    }

    @Test func partsAndSeedsAreApart() throws {
        let train = try reader(Sentences(count: 50))
        let test = try Sentences(count: 50, part: .test).open(files: [], preprocessing: train.preprocessing)
        #expect(test.preprocessing == train.preprocessing && test.tokenCount == train.tokenCount)
        #expect((0..<50).allSatisfy { train.sample($0).input != test.sample($0).input })
        #expect(try reader(Sentences(count: 50, seed: 2)).contentDigest != train.contentDigest)
        // More texts begin with the same ones.
        let more = try Sentences(count: 60).open(files: [], preprocessing: train.preprocessing)
        #expect((0..<50).allSatisfy { more.sample($0) == train.sample($0) })
        #expect(try train.fitted(to: [0]).tokenCount ?? 99 < 30)
        let glyphs = try Glyphs(count: 1).open(files: []).preprocessing
        #expect(throws: CommandError.self) { try Sentences(count: 5).open(files: [], preprocessing: glyphs) }
        for sentences in [Sentences(count: 0), Sentences(count: 5, length: 0), Sentences(count: 5, vocabulary: 2)] {
            #expect(throws: CommandError.self) { try reader(sentences) }
        }
    }
}
