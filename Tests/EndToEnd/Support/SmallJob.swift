import Testing

/// Jobs of a few steps, each with something that could go wrong when work is shared, and the digests they must have.
///
/// The digests are a promise to users: another one means a new version of the arithmetic.
struct SmallJob: Sendable, CustomTestStringConvertible {
    let name: String
    /// The job file.
    let text: String
    let lanes: Int
    let steps: Int
    let digest: String
    let stateDigest: String

    var testDescription: String { name }

    /// Dense layers, Adam, three epochs.
    static let perceptron = SmallJob(
        name: "perceptron",
        text: """
            model: [flatten, linear: 24, relu, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: 0.003}}
            data:
              train: {glyphs: {count: 96}}
              test: {glyphs: {count: 24, part: test}}
            batchSize: 32
            epochs: 3
            seed: 7
            """,
        lanes: 8, steps: 9,
        digest: "5abc0d52d30ab116b679cf1f767a599a58882feb6481131929e3ba81e326bc69",
        stateDigest: "5240797af4f1b8f3926cce34fed0d779038d1c944860b4d1cac17e00ee949c49")

    /// Convolution and pooling, a cosine rate with warm-up.
    static let convolution = SmallJob(
        name: "convolution",
        text: """
            model: [conv2D: {outputs: 4, kernel: 3}, relu, maxPool2D: 2, conv2D: {outputs: 8, kernel: 3}, relu, maxPool2D: 2, flatten, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: {cosine: {from: 0.01, warmUpSteps: 2}}}}
            data:
              train: {glyphs: {count: 32}}
            batchSize: 16
            steps: 5
            seed: 11
            """,
        lanes: 8, steps: 5,
        digest: "efcbdbd10c88310e0d58e27ac965f59c84ce4e93eec5f78493c6073c6e156f98",
        stateDigest: "e1fb1ccbdcfa915c1f58a2b4f167ffca9d072ed910e998be7c1edd75020ecdb7")

    /// Seven lanes, which no tree likes, and a last batch that fills them unevenly; SGD.
    static let ragged = SmallJob(
        name: "ragged",
        text: """
            model: [conv2D: {outputs: 3, kernel: 5}, relu, flatten, linear: 13, relu, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {sgd: {learningRate: 0.05}}
            data:
              train: {glyphs: {count: 45, seed: 3}}
              test: {glyphs: {count: 17, part: test, seed: 3}}
            batchSize: 19
            epochs: 2
            lanes: 7
            seed: 18446744073709551615
            """,
        lanes: 7, steps: 6,
        digest: "5fa87268d12f1177c67a41c6b590e3f95902575f78c3d96af6e74f328bf4a98c",
        stateDigest: "bce040608c54308e64add97e6e831faf689a10c62503508c0b56304246086b5b")

    /// Fewer samples than lanes: some lanes are empty in every step, all but two in the last.
    static let emptyLanes = SmallJob(
        name: "emptyLanes",
        text: """
            model: [flatten, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adam: {learningRate: 0.01, beta1: 0.5, epsilon: 0.000001}}
            data:
              train: {glyphs: {count: 12}}
              test: {glyphs: {count: 3, part: test}}
            batchSize: 5
            epochs: 3
            lanes: 8
            """,
        lanes: 8, steps: 9,
        digest: "aad2753f0fa98c8ee9448ed9b23bb9d07784533a27f83c1ece43f801d26a44c0",
        stateDigest: "857fd0b51da44fad48d0d511398c44d56d2854f8618d0fa144776a0b872a4886")

    /// One lane: nothing to share.
    static let oneLane = SmallJob(
        name: "oneLane",
        text: """
            model: [flatten, linear: 9, relu, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {sgd: {learningRate: {cosine: {from: 0.1}}}}
            data:
              train: {glyphs: {count: 20}}
            batchSize: 8
            steps: 6
            lanes: 1
            seed: 5
            """,
        lanes: 1, steps: 6,
        digest: "538da2ac467caccf02454b26befa22c8b8005f79a351801133e3b3ab166884ed",
        stateDigest: "cd2e72ad31c9ae2e1ef1aa01d004464de4296763d57d21e477822b0f05088fff")

    static let all = [
        perceptron, convolution, ragged, emptyLanes, oneLane, padded, robust, binary, stopped, accumulated,
    ]

    /// Its gradient is more than goes in one hop.
    static let wide = """
        model: [flatten, linear: 192, relu, linear: 64, relu, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: 0.01}}
        data:
          train: {glyphs: {count: 480}}
          test: {glyphs: {count: 32, part: test}}
        batchSize: 32
        lanes: 6
        epochs: 1
        seed: 3
        """

    /// One that would go on for hours, at a constant rate, so that S(N) does not depend on the end.
    static let endless = """
        model: [flatten, linear: 16, relu, linear: 10]
        loss: softmaxCrossEntropy
        optimizer: {adam: {learningRate: 0.001}}
        data:
          train: {glyphs: {count: 1000000}}
        batchSize: 32
        steps: 100000000
        seed: 3
        """
}
