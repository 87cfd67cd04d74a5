import LockstepCore
import LockstepData
import Testing

@Suite struct IDXTests {
    private let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102, 1, 254]
    private let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 3, 2, 7, 7]

    /// `images` and `labels` as gzip made them.
    private let compressedImages: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 102, 96, 96, 0, 97, 70, 32, 102, 98, 248, 111, 156, 198, 248,
        15, 0, 96, 140, 118, 246, 22, 0, 0, 0,
    ]
    private let compressedLabels: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 100, 96, 96, 96, 102, 98, 103, 7, 0, 142, 107, 225, 220, 11,
        0, 0, 0,
    ]

    private func open(_ images: [UInt8], _ labels: [UInt8]) throws(CommandError) -> any SampleReader {
        let source = IDX(images: "images.gz", labels: "labels\u{1B}.gz")
        return try source.open(files: [
            DataFile(name: source.paths[0].name, bytes: images), DataFile(name: source.paths[1].name, bytes: labels),
        ])
    }

    @Test func readsSamples() throws {
        let reader = try open(images, labels)
        #expect(reader.count == 3)
        #expect(reader.inputShape == [1, 2, 1])
        #expect(reader.target == .classes(8))
        #expect(reader.greatestLabelSample == 1)
        #expect(reader.sample(0) == ([0, 1], [2]))
        #expect(reader.sample(1) == ([0.2, 0.4], [7]))
        #expect(reader.sample(2) == ([Float(1) / 255, Float(254) / 255], [7]))
        #expect(
            reader.contentDigest.description == "ff9ec8dd5665b4b21bda32340322c4d977c07f385259f62fafabffe835dbb75f")
    }

    @Test func compressionDoesNotChangeTheDigest() throws {
        let plain = try open(images, labels)
        let compressed = try open(compressedImages, compressedLabels)
        #expect(compressed.contentDigest == plain.contentDigest)
        var changed = images
        changed[20] ^= 1
        #expect(try open(changed, labels).contentDigest != plain.contentDigest)
        var otherLabels = labels
        otherLabels[8] = 3
        #expect(try open(images, otherLabels).contentDigest != plain.contentDigest)
        // As many pixels in another shape.
        var turned = images
        turned.replaceSubrange(8..<16, with: [0, 0, 0, 2, 0, 0, 0, 1])
        #expect(try open(turned, labels).contentDigest != plain.contentDigest)
    }

    @Test func errorsNameTheFile() {
        func message(_ images: [UInt8], _ labels: [UInt8]) -> String? {
            let error = #expect(throws: CommandError.self) { try open(images, labels) }
            #expect(error?.exitCode == .usage)
            return error?.message
        }
        #expect(
            message(images, [0, 0, 8, 1, 0, 0, 0, 1, 2])
                == "“labels\\u{1b}.gz”: it has 1 labels for 3 images in “images.gz”; give files that belong together")
        #expect(
            message([0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], [0, 0, 8, 1, 0, 0, 0, 0])
                == "“images.gz”: it is empty; training needs at least one sample")
        #expect(message(labels, images) == "“images.gz”: it holds IDX labels where images are expected (at byte 0)")
        #expect(message(compressedImages.dropLast(), labels)?.hasPrefix("“images.gz”: the gzip file ends") == true)
        var damaged = compressedLabels
        damaged[15] ^= 0x10
        #expect(message(images, damaged)?.hasPrefix("“labels\\u{1b}.gz”: ") == true)
        #expect(message([], labels)?.hasPrefix("“images.gz”: it ends inside its header") == true)
    }
}
