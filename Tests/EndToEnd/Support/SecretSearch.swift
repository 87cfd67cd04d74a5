/// Looks for any 16 bytes in a row of some secrets.
struct SecretSearch {
    private struct Window: Hashable {
        var low: UInt64 = 0
        var high: UInt64 = 0

        mutating func push(_ byte: UInt8) {
            low = low >> 8 | high << 56
            high = high >> 8 | UInt64(byte) << 56
        }
    }

    private static let length = 16
    private var windows: Set<Window> = []

    /// - Parameter secrets: what is too uniform to be a secret, such as padding, is left out.
    init(_ secrets: [[UInt8]]) {
        for secret in secrets {
            var window = Window()
            for (index, byte) in secret.enumerated() {
                window.push(byte)
                guard index + 1 >= SecretSearch.length else { continue }
                let bytes = secret[(index + 1 - SecretSearch.length)...index]
                if Set(bytes).count > 4 { windows.insert(window) }
            }
        }
    }

    /// Where the first 16 bytes of a secret begin.
    func firstMatch(in stream: [UInt8]) -> Int? {
        var window = Window()
        for (index, byte) in stream.enumerated() {
            window.push(byte)
            if index + 1 >= SecretSearch.length, windows.contains(window) { return index + 1 - SecretSearch.length }
        }
        return nil
    }
}
