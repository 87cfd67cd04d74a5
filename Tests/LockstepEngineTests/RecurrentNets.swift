@testable import LockstepEngine

/// Networks with recurrent layers and attention.
enum RecurrentNets {
    static let all: [(name: String, net: TestNet)] = [
        ("lstm", TestNet(input: [5], layers: [.embedding(6, 3), .recurrence(.lstm, 4), .position(-1), .linear(3)])),
        ("lstm, reversed", TestNet(input: [4], layers: [.embedding(6, 3), .recurrence(.lstm, 3, reverse: true)])),
        ("gru", TestNet(input: [5], layers: [.embedding(6, 3), .recurrence(.gru, 4), .position(-1), .linear(3)])),
        ("gru, reversed", TestNet(input: [4], layers: [.embedding(6, 3), .recurrence(.gru, 3, reverse: true)])),
        ("one step", TestNet(input: [1], layers: [.embedding(6, 3), .recurrence(.gru, 3), .recurrence(.lstm, 3)])),
        (
            "parameters used twice",
            TestNet(
                input: [4],
                layers: [
                    .embedding(6, 3), .recurrence(.lstm, 3), .again(1), .recurrence(.gru, 3), .again(3), .linear(3),
                ])
        ),
        (
            "a recurrent layer of the samples",
            TestNet(input: [12], layers: [.reshape([4, 3]), .recurrence(.lstm, 5), .mean, .linear(3)])
        ),
        ("recurrent", recurrent),
        (
            "attention",
            TestNet(input: [5], layers: [.embedding(6, 12), .attention(heads: 2, causal: false), .linear(3)])
        ),
        (
            "causal attention",
            TestNet(input: [5], layers: [.embedding(6, 12), .attention(heads: 2, causal: true), .linear(3)])
        ),
        (
            "attention with dropout",
            TestNet(
                input: [5], layers: [.embedding(6, 6), .attention(heads: 1, causal: true, dropout: 0.25), .linear(3)])
        ),
        ("transformer with attention", transformer),
    ]

    /// Both directions beside each other, over two layers.
    static let recurrent = TestNet(
        input: [5],
        layers: [
            .embedding(6, 4),
            .concatenate([.recurrence(.lstm, 5)], [.recurrence(.lstm, 5, reverse: true)]),
            .concatenate([.recurrence(.gru, 4)], [.recurrence(.gru, 4, reverse: true)]), .position(0), .linear(3),
        ])

    static let transformer = TestNet(
        input: [37],
        layers: [
            .embedding(7, 8), .positions,
            .residual([.layerNorm(), .linear(24), .attention(heads: 2, causal: true, dropout: 0.25), .linear(8)]),
            .residual([.layerNorm(), .linear(16), .activation(Activation(.gelu)), .linear(8)]),
            .layerNorm(), .tied(0),
        ])
}
