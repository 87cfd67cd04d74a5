package import LockstepCore

/// How the bytes of a continued text are chosen.
package struct TextSampling: Sendable, Hashable {
    /// How many bytes are added.
    package var length: Int
    /// Logits are divided by it: below 1 likely bytes become more likely; 0 always takes the likeliest.
    package var temperature: Double
    /// Of the choices.
    package var seed: UInt64

    package init(length: Int, temperature: Double, seed: UInt64) {
        self.length = length
        self.temperature = temperature
        self.seed = seed
    }

    /// - Throws: `CommandError.usage` that names the option.
    package func validate() throws(CommandError) {
        guard (1...1 << 20).contains(length) else {
            throw .usage("--length \(length): give a number of bytes from 1 to \(1 << 20)")
        }
        guard temperature >= 0, temperature <= 100 else {
            throw .usage("--temperature \(temperature): give a number from 0 to 100, like 0.8")
        }
    }
}
