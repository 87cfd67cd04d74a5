/// Turns bytes into numbers from 0 to 1: byte / 255, rounded once.
enum PixelScale {
    private static let table = (0..<256).map { Float($0) / 255 }

    /// Writes the scaled `pixels` to `output`.
    static func write(_ pixels: UnsafeBufferPointer<UInt8>, to output: UnsafeMutablePointer<Float>) {
        table.withUnsafeBufferPointer { table in
            for index in pixels.indices { output[index] = table[Int(pixels[index])] }
        }
    }
}
