/// Jobs with what the first ones lack: other layers, losses, optimizers, rates, data and ends.
extension SmallJob {
    /// Strides, padding, average and overlapping pools, dropout, clipping by norm, a rate that falls in steps.
    static let padded = SmallJob(
        name: "padded",
        text: """
            model: [conv2D: {outputs: 6, kernel: 3, stride: 2, padding: 1}, gelu, averagePool2D: 2, conv2D: {outputs: 8, kernel: 3, padding: 1}, silu, maxPool2D: {kernel: 3, stride: 2, padding: 1}, flatten, dropout: 0.3, linear: 10]
            loss: {softmaxCrossEntropy: {labelSmoothing: 0.1}}
            optimizer: {adamW: {learningRate: {steps: {from: 0.01, every: 3, factor: 0.5}}}}
            clipping: {norm: 0.5}
            metrics: [accuracy, {topK: 3}, f1]
            data:
              train: {glyphs: {count: 60}}
              test: {glyphs: {count: 20, part: test}}
            batchSize: 17
            epochs: 2
            seed: 12
            """,
        lanes: 8, steps: 8,
        digest: "af169cdbbf7d3d059f2d9a5e911acbb3be97b0a64fb652b60d80c5962e3897d3",
        stateDigest: "db5ab3858ac778d9876b372744a3d66f0a362cc46d7b667fae3b035699aa4ed2")

    /// Regression with momentum and penalties, a validation split and a rate that falls on a plateau.
    static let robust = SmallJob(
        name: "robust",
        text: """
            model: [linear: 9, elu, linear: 5, softplus, linear: 1]
            loss: {huber: {delta: 0.5}}
            optimizer: {sgd: {learningRate: {plateau: {from: 0.1, factor: 0.5, patience: 0}}, momentum: 0.9, nesterov: true}}
            regularization: {l1: 0.001, l2: 0.01}
            metrics: [meanAbsoluteError, rSquared]
            data:
              train: {line: {count: 50, slope: 3, intercept: 2, noise: 0.1, seed: 4}}
              validation: {split: 0.2}
            batchSize: 16
            epochs: 5
            lanes: 5
            seed: 13
            """,
        lanes: 5, steps: 15,
        digest: "a2896e3d7cc5f8931d18e79283debfffac00c035f3bb340ed558a1be71f9fac2",
        stateDigest: "7a7981f4442c99a24b0ca1fec29449391274a32c61ad3a68d831ef11bed25fc8")

    /// One logit, clipping by value, metrics that are counted in histograms.
    static let binary = SmallJob(
        name: "binary",
        text: """
            model: [linear: 12, tanh, dropout: 0.2, linear: 6, sigmoid, linear: 1]
            loss: {binaryCrossEntropy: {positiveWeight: 2}}
            optimizer: {rmsprop: {learningRate: 0.01, momentum: 0.5}}
            clipping: {value: 0.02}
            metrics: [accuracy, rocAUC, precision, recall]
            data:
              train: {moons: {count: 70, noise: 0.2, seed: 2}}
            batchSize: 24
            steps: 7
            seed: 14
            """,
        lanes: 8, steps: 7,
        digest: "821f7cc57a8e1a577ccab711365c1d429e53780cf422474a6abb67e354853f4f",
        stateDigest: "7d4b4ceca212754771d390392bb9c05af8a68b7b20cf5ba07e0724878fa1405d")

    /// Augmented images, class weights, an early end that restores the best.
    static let stopped = SmallJob(
        name: "stopped",
        text: """
            model: [conv2D: {outputs: 4, kernel: 5}, leakyReLU: 0.1, maxPool2D: 3, flatten, linear: 10]
            loss: {softmaxCrossEntropy: {classWeights: [1, 2, 1, 1, 0.5, 1, 1, 1, 3, 1]}}
            optimizer: {adam: {learningRate: 0.05}}
            earlyStopping: {metric: accuracy, patience: 1, restoreBest: true}
            data:
              train: {glyphs: {count: 80}}
              validation: {split: 0.25}
              test: {glyphs: {count: 16, part: test}}
              transforms: [flip, {crop: 2}, {rotate: 15}, {brightness: [0.8, 1.2]}]
            batchSize: 13
            epochs: 20
            seed: 15
            """,
        lanes: 8, steps: 15,
        digest: "7e1210b1dfc0f388727309ec82b98a5741ccc21ff3ed918b93ad974adb4799be",
        stateDigest: "e78d3b1e0f02d0d38191e5f7f5df35ced6fceb11a46df8fcaadf96e37472b6f2")

    /// Softmax inside the network, Adagrad, samples in file order, a confusion matrix.
    static let accumulated = SmallJob(
        name: "accumulated",
        text: """
            model: [flatten, linear: 14, softmax, linear: 10]
            loss: softmaxCrossEntropy
            optimizer: {adagrad: {learningRate: {exponential: {from: 0.1, decay: 0.9}}, learningRateDecay: 0.01}}
            metrics: [accuracy, confusionMatrix]
            shuffle: false
            data:
              train: {patterns: {count: 33, height: 9, width: 7, channels: 2, classes: 10}}
              test: {patterns: {count: 11, height: 9, width: 7, channels: 2, classes: 10, part: test}}
            batchSize: 8
            epochs: 2
            lanes: 3
            seed: 16
            """,
        lanes: 3, steps: 10,
        digest: "46265e2628d595b089da956cb9d62bcc036eec91b6bb8bfdd710042b707dcfae",
        stateDigest: "aac4342def1643541a982c296f1d887273ba431e73882b96b482ffb5becb1110")
}
