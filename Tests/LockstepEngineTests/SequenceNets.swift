@testable import LockstepEngine

/// Networks over tokens.
enum SequenceNets {
    static let all: [(name: String, net: TestNet)] = [
        ("embedding", TestNet(input: [5], layers: [.embedding(6, 3), .flatten, .linear(3)])),
        (
            "linear by position",
            TestNet(input: [4], layers: [.embedding(5, 3), .linear(6), .relu, .flatten, .linear(3)])
        ),
        ("sequence of classes", TestNet(input: [4], layers: [.embedding(5, 3), .linear(7), .linear(4)])),
        ("learned positions", TestNet(input: [4], layers: [.embedding(5, 3), .positions, .linear(4)])),
        ("position", TestNet(input: [4], layers: [.embedding(5, 6), .position(1), .linear(3)])),
        ("last position", TestNet(input: [4], layers: [.embedding(5, 6), .position(-1), .linear(3)])),
        ("mean over positions", TestNet(input: [4], layers: [.embedding(5, 6), .mean, .linear(3)])),
        ("slice", TestNet(input: [4], layers: [.embedding(5, 6), .slice(1..<4), .linear(3)])),
        (
            "concatenation",
            TestNet(
                input: [4],
                layers: [.embedding(5, 4), .concatenate([.linear(3)], [.slice(0..<2), .linear(2)]), .linear(3)])
        ),
        ("layer norm", TestNet(input: [4], layers: [.embedding(5, 7), .layerNorm(), .linear(3)])),
        ("layer norm, bare", TestNet(input: [6], layers: [.linear(7), .layerNorm(isAffine: false), .linear(3)])),
        ("layer norm used twice", normTwice),
        ("arithmetic", TestNet(input: [6], layers: [.linear(7), .polynomial, .linear(3)])),
        (
            "reshape",
            TestNet(input: [12], layers: [.linear(12), .reshape([4, 3]), .linear(2), .reshape([8]), .linear(3)])
        ),
        ("tied weights", TestNet(input: [4], layers: [.embedding(5, 3), .linear(3), .tied(0)])),
        ("transformer", transformer),
    ]

    /// Both parameters of the norm have two contributions.
    static let normTwice = TestNet(input: [6], layers: [.linear(6), .layerNorm(), .linear(6), .again(1), .linear(3)])

    /// Blocks as a transformer has them, but for attention: residuals, layer norms, a GELU.
    static let transformer = TestNet(
        input: [6],
        layers: [
            .embedding(7, 8), .positions,
            .residual([.layerNorm(), .linear(8)]),
            .residual([.layerNorm(), .linear(16), .activation(Activation(.tanhGELU)), .linear(8)]),
            .residual([.layerNorm(), .linear(8), .dropout(0.25)]),
            .layerNorm(), .tied(0),
        ])
}
