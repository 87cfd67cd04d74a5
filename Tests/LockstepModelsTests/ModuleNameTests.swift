import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

private final class Block: Module {
    let first: Linear
    let second: Linear?

    init(_ width: Int, second: Bool) {
        first = Linear(width, width)
        self.second = second ? Linear(width, width, bias: false) : nil
    }

    func callAsFunction(_ input: Tensor) -> Tensor {
        let x = relu(first(input))
        return second.map { input + $0(x) } ?? x
    }
}

private final class Network: Module {
    let entry = Linear(8)
    let blocks = [Block(8, second: true), Block(8, second: false)]
    let head: any Module = Sequential([(name: nil, module: ReLU()), (name: "out", module: Linear(8, 3))])

    func callAsFunction(_ input: Tensor) -> Tensor {
        head(blocks.reduce(entry(input.flattened())) { $1($0) })
    }
}

private final class Image: Module {
    let conv1 = Conv2D(1, 4, kernel: 3), conv2 = Conv2D(4, 6, kernel: 3)
    let output = Linear(6 * 4, 10)

    func callAsFunction(_ images: Tensor) -> Tensor {
        var x = maxPool2D(relu(conv1(images)), 2)
        x = maxPool2D(relu(conv2(x)), 2)
        return output(x.flattened())
    }
}

@Suite("Models") struct ModuleNameTests {
    @Test("names are the paths of properties, as PyTorch's")
    func names() throws {
        #expect(
            try ModelNames(of: Network()).parameters == [
                "entry.weight", "entry.bias", "blocks.0.first.weight", "blocks.0.first.bias", "blocks.0.second.weight",
                "blocks.1.first.weight", "blocks.1.first.bias", "head.out.weight", "head.out.bias",
            ])
        let plan = try compile(Network(), [4])
        #expect(plan.layout.entries.first?.name == "head.out.bias")
        #expect(plan.layout.entries.last?.name == "entry.weight")
        #expect(plan.layout.entries.last?.shape == [8, 4])
    }

    @Test("a model in code and the same names in a list give the same digest")
    func sameDigest() throws {
        let listed = Sequential([
            (name: "conv1", module: Conv2D(4, kernel: 3)), (name: nil, module: ReLU()),
            (name: nil, module: MaxPool2D(2)), (name: "conv2", module: Conv2D(6, kernel: 3)),
            (name: nil, module: ReLU()), (name: nil, module: MaxPool2D(2, stride: 2)), (name: nil, module: Flatten()),
            (name: "output", module: Linear(10)),
        ])
        let digest = try compile(Image(), [14, 14, 1]).digest
        #expect(try compile(listed, [14, 14, 1]).digest == digest)
        #expect(try compile(Image(), [14, 14, 1]).modelDescription == compile(listed, [14, 14, 1]).modelDescription)
        #expect(try compile(Sequential(listed.blocks.map { (nil, $0.module) }), [14, 14, 1]).digest != digest)
    }

    @Test("blocks without a name are called by their position")
    func positions() throws {
        let plan = try compile(Sequential(Flatten(), Linear(5), ReLU(), Linear(3, bias: false)), [2, 2, 1])
        #expect(plan.layout.entries.map(\.name) == ["3.weight", "1.bias", "1.weight"])
    }

    @Test("a name that is used twice, empty or dotted is refused")
    func badNames() {
        for (names, word) in [(["a", "a"], "two blocks are named 'a'"), (["", nil], "''"), (["a.b", nil], "no dot")] {
            let model = Sequential(zip(names, [Linear(5), Linear(3)]).map { ($0, $1) })
            #expect {
                try compile(model, [4])
            } throws: {
                ($0 as? CommandError)?.message.contains(word) == true
            }
        }
    }

    @Test("a shape that does not fit names its layer")
    func shapeErrors() {
        let wrong = Sequential([
            (name: "conv1", module: Conv2D(4, kernel: 3)), (name: nil, module: Flatten()),
            (name: "hidden", module: Linear(100, 10)),
        ])
        #expect {
            try compile(wrong, [6, 6, 1])
        } throws: {
            ($0 as? CommandError)
                == .usage(
                    "model: layer 'hidden' (linear): takes 100 inputs, but what comes in is [64]; "
                        + "write 64 or leave inputs out")
        }
        #expect {
            try compile(Sequential(Conv2D(4, kernel: 3), MaxPool2D(2), Conv2D(4, kernel: 3)), [6, 6, 1])
        } throws: {
            ($0 as? CommandError)?.message.contains("layer '2' (conv2D): a kernel of 3 × 3 is larger") == true
        }
        #expect {
            try compile(Sequential(Conv2D(3, 4, kernel: 3), Flatten(), Linear(2)), [6, 6, 1])
        } throws: {
            ($0 as? CommandError)?.message.contains("takes 3 channels") == true
        }
    }

    @Test("settings have one canonical text")
    func descriptions() {
        #expect(Conv2D(16, kernel: 3).description == "conv2D(outputs:16,kernel:3)")
        #expect(Conv2D(1, 16, kernel: 3, bias: false).description == "conv2D(inputs:1,outputs:16,kernel:3,bias:false)")
        #expect(Linear(10).description == "linear(outputs:10)")
        #expect(MaxPool2D(2).description == "maxPool2D(kernel:2,stride:2)")
        #expect(Sequential(Flatten(), ReLU()).description == "sequential(0:flatten,1:relu)")
    }

    private func compile(_ model: any Module, _ shape: [Int]) throws -> Plan {
        try Plan.compile(
            model: model, inputShape: shape, loss: .softmaxCrossEntropy, optimizer: .sgd(learningRate: 0.1))
    }
}
