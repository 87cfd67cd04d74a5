import LockstepFormats
import Testing

@Suite struct IDXFormatTests {
    private let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60]
    private let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 9]

    @Test func readsImagesAndLabels() throws {
        let read = try IDXFormat.images(images)
        #expect([read.count, read.height, read.width] == [2, 1, 3])
        #expect(Array(read.pixels) == [10, 20, 30, 40, 50, 60])
        #expect(try Array(IDXFormat.labels(labels)) == [7, 9])
    }

    @Test func everyTruncationIsAnError() {
        for count in images.indices {
            #expect(throws: FormatError.self) { try IDXFormat.images(Array(images.prefix(count))) }
        }
        for count in labels.indices {
            #expect(throws: FormatError.self) { try IDXFormat.labels(Array(labels.prefix(count))) }
        }
    }

    @Test func saysWhatIsWrong() {
        #expect(throws: FormatError(offset: 0, "it holds IDX labels where images are expected")) {
            try IDXFormat.images(labels)
        }
        #expect(throws: FormatError(offset: 0, "it holds IDX images where labels are expected")) {
            try IDXFormat.labels(images)
        }
        #expect(throws: FormatError(offset: 0, "it is no IDX file of labels: it begins with 0x89504e47, not 0x801")) {
            try IDXFormat.labels([0x89, 0x50, 0x4E, 0x47])
        }
        #expect(throws: FormatError(offset: 9, "it is cut short: its header announces 2 labels, it ends before")) {
            try IDXFormat.labels(Array(labels.dropLast()))
        }
        #expect(throws: FormatError(offset: 22, "bytes follow the 2 images that its header announces")) {
            try IDXFormat.images(images + [0])
        }
    }

    @Test func hugeExtentsAreRefused() {
        var huge = images
        huge.replaceSubrange(4..<16, with: Array(repeating: 0xFF, count: 12))
        #expect(throws: FormatError.self) { try IDXFormat.images(huge) }
        huge.replaceSubrange(8..<16, with: [0, 0, 0x10, 0, 0, 0, 0x10, 0])
        #expect(throws: FormatError.self) { try IDXFormat.images(huge) }
        huge.replaceSubrange(8..<16, with: [0, 0, 0, 0, 0, 0, 0, 5])
        #expect(throws: FormatError(offset: 8, "its images have no pixels")) { try IDXFormat.images(huge) }
    }

    @Test func changedBytesNeverTrap() {
        for index in images.indices {
            for change in 1...255 as ClosedRange<UInt8> {
                var damaged = images
                damaged[index] ^= change
                if let read = try? IDXFormat.images(damaged) {
                    #expect(read.pixels.count == read.count * read.height * read.width)
                }
            }
        }
    }
}
