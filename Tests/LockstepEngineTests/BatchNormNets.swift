@testable import LockstepEngine

/// Networks with batch normalisation.
enum BatchNormNets {
    static let all: [(name: String, net: TestNet)] = [
        ("batch norm", flat),
        ("batch norm of images", image([.convolution(3, kernel: 2), .batchNorm()])),
        ("batch norm and ReLU", image([.convolution(3, kernel: 2, bias: false), .batchNorm(), .relu])),
        ("adaptive pool", image([.convolution(3, kernel: 2), .adaptivePool(3, 2)])),
        ("global pool", image([.convolution(3, kernel: 2), .adaptivePool(1, 1)])),
        (
            "concatenated channels",
            image([.concatenate([.convolution(3, kernel: 2)], [.convolution(2, kernel: 2), .relu])])
        ),
        ("residual network", residual),
    ]

    static let flat = TestNet(input: [6], layers: [.linear(7), .batchNorm(), .linear(3)])

    /// As ResNet has them: a block with its own shortcut is one of `residual`'s kind here, whose sum goes into a ReLU.
    static let residual = TestNet(
        input: [7, 6, 2],
        layers: [
            .convolution(4, kernel: 3, padding: 1, bias: false), .batchNorm(), .relu,
            .residual([
                .convolution(4, kernel: 3, padding: 1, bias: false), .batchNorm(), .relu,
                .convolution(4, kernel: 3, padding: 1, bias: false), .batchNorm(momentum: 0.3),
            ]), .relu,
            .pool(2, stride: 2), .residual([.convolution(4, kernel: 3, padding: 1, bias: false), .batchNorm()]), .relu,
            .adaptivePool(1, 1), .flatten, .linear(3),
        ])

    private static func image(_ layers: [TestNet.Layer]) -> TestNet {
        TestNet(input: [7, 6, 2], layers: layers + [.flatten, .linear(3)])
    }
}
