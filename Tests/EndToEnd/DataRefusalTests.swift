import Testing

extension ExecutableTests {
    /// Data that is damaged or does not fit: exit code 2, the file's name, nothing started.
    @Suite struct DataRefusalTests {
        static let goodImages = IDXFiles.images(count: 24, pixels: IDXFiles.pixels(24 * 16))
        static let goodLabels = IDXFiles.labels((0..<24).map { UInt8($0 % 3) })

        /// Files in place of the good ones.
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var images = DataRefusalTests.goodImages
            var labels = DataRefusalTests.goodLabels
            let words: [String]

            init(
                _ name: String, images: [UInt8] = DataRefusalTests.goodImages,
                labels: [UInt8] = DataRefusalTests.goodLabels, naming words: [String]
            ) {
                testDescription = name
                self.images = images
                self.labels = labels
                self.words = words
            }
        }

        static var cases: [Case] {
            let compressed = IDXFiles.gzip(goodImages)
            var wrongChecksum = compressed
            wrongChecksum[compressed.count - 6] ^= 1
            var wrongBlock = compressed
            wrongBlock[10] = 7
            return [
                Case("images cut short", images: Array(goodImages.dropLast()), naming: ["images"]),
                Case("images with more", images: goodImages + [0], naming: ["images"]),
                Case("images without a header", images: [0, 0, 8], naming: ["images"]),
                Case("images that are empty", images: [], naming: ["images"]),
                Case("labels for images", images: goodLabels, naming: ["images"]),
                Case("images for labels", labels: goodImages, naming: ["labels"]),
                Case("text", images: Array("not an IDX file at all".utf8), naming: ["images"]),
                Case("gzip cut short", images: Array(compressed.dropLast(9)), naming: ["images"]),
                Case("gzip with another checksum", images: wrongChecksum, naming: ["images"]),
                Case("gzip with a wrong block", images: wrongBlock, naming: ["images"]),
                Case(
                    "fewer labels", labels: IDXFiles.labels(Array(repeating: 1, count: 23)),
                    naming: ["labels", "23", "24"]),
                Case(
                    "no samples", images: IDXFiles.images(count: 0, pixels: []), labels: IDXFiles.labels([]),
                    naming: ["images"]),
                Case(
                    "a label out of range", labels: IDXFiles.labels((0..<24).map { $0 == 17 ? 3 : 0 }),
                    naming: ["data.train", "label 3", "sample 17", "3 outputs"]),
                Case(
                    "a size that nobody has", images: [0, 0, 8, 3] + Array(repeating: 0xff, count: 12),
                    naming: ["images"]),
            ]
        }

        @Test(arguments: cases)
        func damagedDataIsRefused(wrong: Case) async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob(images: wrong.images, labels: wrong.labels)
                let before = directory.contents
                let outcome = try await directory.run(["train", "job.yaml", "--workers", "2"])
                outcome.expectRefusal()
                for word in wrong.words { #expect(outcome.errorText.contains(word), "“\(word)” is due: \(outcome)") }
                #expect(directory.contents == before, "nothing is started or written")
            }
        }

        @Test func missingFilesAreNamed() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob()
                let missing = "data.train.idx.labels=elsewhere/none"
                try await directory.run(["train", "job.yaml", "--set", missing])
                    .expectRefusal(naming: "elsewhere/none", "No such file")
                try await directory.run(["train", "job.yaml", "--set", "data.train.idx.images=."])
                    .expectRefusal(naming: "it is a directory; name a file")
            }
        }

        @Test func testDataMustHaveTheShapeOfTheTrainingData() async throws {
            try await TestDirectory.with { directory in
                try directory.writeIDXJob()
                try await directory.run(["train", "job.yaml", "--set", "data.test={glyphs: {count: 8}}"])
                    .expectRefusal(naming: "data.test", "[28, 28, 1]", "[4, 4, 1]")
            }
        }
    }
}
