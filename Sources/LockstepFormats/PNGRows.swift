/// Undoes PNG's filters and turns rows as they stand in the file into 8-bit samples.
struct PNGRows {
    private let header: PNGHeader
    private let palette: [UInt8]
    private let alphas: [UInt8]
    /// The one colour that is transparent, its samples as they stand in the file.
    private let key: [Int]
    /// Channels of the image that comes out.
    let channels: Int

    init(_ chunks: PNGChunks) {
        header = chunks.header
        palette = Array(chunks.palette)
        let transparency = Array(chunks.transparency)
        alphas = header.color == .palette ? transparency : []
        key =
            header.color == .palette
            ? []
            : stride(from: 0, to: transparency.count, by: 2).map {
                Int(transparency[$0]) << 8 | Int(transparency[$0 + 1])
            }
        channels = (header.color == .palette ? 3 : header.color.samples) + (transparency.isEmpty ? 0 : 1)
    }

    /// What is wrong with the rows of an image.
    enum Flaw { case unknownFilter, outsidePalette }

    /// - Parameters:
    ///   - data: the rows of all passes, each behind its filter byte; `header.imageBytes` of them. They are unfiltered
    ///     in place.
    ///   - pixels: room for the image.
    /// - Returns: nil where all is well.
    func decode(_ data: UnsafeMutableBufferPointer<UInt8>, into pixels: UnsafeMutableBufferPointer<UInt8>) -> Flaw? {
        var position = 0
        for pass in header.passes {
            let length = header.rowBytes(pass.width)
            var previous: UnsafeMutableBufferPointer<UInt8>?
            for row in 0..<pass.height {
                let filter = data[position]
                let bytes = UnsafeMutableBufferPointer(rebasing: data[position + 1..<position + 1 + length])
                guard unfilter(filter, bytes, previous) else { return .unknownFilter }
                let first = ((pass.firstY + row * pass.stepY) * header.width + pass.firstX) * channels
                guard expand(UnsafeBufferPointer(bytes), pass, into: pixels, from: first) else {
                    return .outsidePalette
                }
                previous = bytes
                position += 1 + length
            }
        }
        return nil
    }

    /// - Parameter previous: the row above in its pass, unfiltered; nil for the first, above which all is 0.
    private func unfilter(
        _ filter: UInt8, _ row: UnsafeMutableBufferPointer<UInt8>, _ previous: UnsafeMutableBufferPointer<UInt8>?
    ) -> Bool {
        let distance = max(1, header.pixelBits / 8)
        switch filter {
        case 0: break
        case 1:
            for index in row.indices.dropFirst(distance) { row[index] &+= row[index - distance] }
        case 2:
            guard let previous else { break }
            for index in row.indices { row[index] &+= previous[index] }
        case 3:
            for index in row.indices {
                let left = index < distance ? 0 : Int(row[index - distance])
                row[index] &+= UInt8((left + Int(previous?[index] ?? 0)) / 2)
            }
        case 4:
            for index in row.indices {
                let left = index < distance ? 0 : Int(row[index - distance])
                let above = Int(previous?[index] ?? 0)
                let corner = index < distance ? 0 : Int(previous?[index - distance] ?? 0)
                row[index] &+= UInt8(PNGRows.nearest(left, above, corner))
            }
        default: return false
        }
        return true
    }

    /// Paeth's predictor.
    private static func nearest(_ left: Int, _ above: Int, _ corner: Int) -> Int {
        let estimate = left + above - corner
        let distances = (abs(estimate - left), abs(estimate - above), abs(estimate - corner))
        if distances.0 <= distances.1, distances.0 <= distances.2 { return left }
        return distances.1 <= distances.2 ? above : corner
    }

    /// - Returns: false where a colour is not in the palette.
    private func expand(
        _ row: UnsafeBufferPointer<UInt8>, _ pass: PNGHeader.Pass, into pixels: UnsafeMutableBufferPointer<UInt8>,
        from first: Int
    ) -> Bool {
        let samples = header.color.samples
        let colors = palette.count / 3
        var target = first
        for pixel in 0..<pass.width {
            if header.color == .palette {
                let index = sample(row, pixel)
                guard index < colors else { return false }
                for channel in 0..<3 { pixels[target + channel] = palette[index * 3 + channel] }
                if channels == 4 { pixels[target + 3] = index < alphas.count ? alphas[index] : 255 }
            } else {
                var isTransparent = true
                for channel in 0..<samples {
                    let value = sample(row, pixel * samples + channel)
                    pixels[target + channel] = byte(value)
                    if !key.isEmpty, value != key[channel] { isTransparent = false }
                }
                if !key.isEmpty { pixels[target + samples] = isTransparent ? 0 : 255 }
            }
            target += pass.stepX * channels
        }
        return true
    }

    private func sample(_ row: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        switch header.bitDepth {
        case 8: return Int(row[index])
        case 16: return Int(row[2 * index]) << 8 | Int(row[2 * index + 1])
        default:
            let bit = index * header.bitDepth
            return Int(row[bit / 8]) >> (8 - header.bitDepth - bit % 8) & (1 << header.bitDepth - 1)
        }
    }

    /// A sample as 8 bits; of 16 bits the upper ones.
    private func byte(_ value: Int) -> UInt8 {
        switch header.bitDepth {
        case 1: UInt8(value * 255)
        case 2: UInt8(value * 85)
        case 4: UInt8(value * 17)
        case 16: UInt8(value >> 8)
        default: UInt8(value)
        }
    }
}
