/// An image of 8-bit samples.
package struct PNGImage: Sendable, Equatable {
    package let height: Int
    package let width: Int
    /// 1: grey, 2: grey and alpha, 3: red, green, blue, 4: these and alpha.
    package let channels: Int
    /// Row by row, the channels of a pixel side by side: `height` · `width` · `channels` bytes.
    package let pixels: [UInt8]

    package init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
        precondition((1...4).contains(channels) && height > 0 && width > 0, "there is no such image")
        precondition(height * width * channels == pixels.count, "the pixels do not fill the image")
        self.height = height
        self.width = width
        self.channels = channels
        self.pixels = pixels
    }

    /// The image with one channel (grey) or three. Alpha is dropped; grey is ITU-R 601's, in whole numbers as Pillow
    /// computes it: (19595·red + 38470·green + 7471·blue + 32768) / 65536.
    package func converted(toChannels target: Int) -> PNGImage {
        precondition(target == 1 || target == 3, "an image is converted to one channel or three")
        guard target != channels else { return self }
        let count = height * width
        let isGrey = channels < 3
        let converted = [UInt8](unsafeUninitializedCapacity: count * target) { result, written in
            for pixel in 0..<count {
                let first = pixel * channels
                if target == 3 {
                    for channel in 0..<3 { result[pixel * 3 + channel] = pixels[isGrey ? first : first + channel] }
                } else if isGrey {
                    result[pixel] = pixels[first]
                } else {
                    let red = 19595 * Int(pixels[first])
                    let green = 38470 * Int(pixels[first + 1])
                    let blue = 7471 * Int(pixels[first + 2])
                    result[pixel] = UInt8((red + green + blue + 32768) >> 16)
                }
            }
            written = count * target
        }
        return PNGImage(height: height, width: width, channels: target, pixels: converted)
    }
}
