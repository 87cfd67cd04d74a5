import Lockstep

/// A convolutional network of one's own, as `cluster/programs/digits/digits.yaml` says it in a job file.
final class Classifier: Module {
    let conv1 = Conv2D(1, 8, kernel: 3), conv2 = Conv2D(8, 16, kernel: 3)
    let hidden = Linear(5 * 5 * 16, 32), output = Linear(32, 10)
    let drop = Dropout(0.25)

    func callAsFunction(_ images: Tensor) -> Tensor {  // [28, 28, 1] → [10]
        var x = maxPool2D(relu(conv1(images)), 2)
        x = maxPool2D(relu(conv2(x)), 2)
        return output(drop(relu(hidden(x.flattened()))))
    }
}

@main
struct Digits: TrainingProgram {
    var job: Job {
        Job(
            name: "digits-program", model: Classifier(), loss: .softmaxCrossEntropy,
            optimizer: .adam(learningRate: .cosine(from: 1e-3, warmUpSteps: 20)),
            train: Glyphs(count: 2000), test: Glyphs(count: 500, part: .test),
            batchSize: 50, length: .epochs(2), seed: 42)
    }
}
