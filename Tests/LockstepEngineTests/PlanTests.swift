import CLockstepKernels
import LockstepCore
import Testing

@testable import LockstepEngine

@Suite("Plan") struct PlanTests {
    @Test("the flat layout is in reverse order of first use, aligned to 64 bytes")
    func layout() throws {
        let layout = try TestNet.convolutional.plan().layout
        #expect(
            layout.entries.map(\.name) == [
                "8.bias", "8.weight", "6.bias", "6.weight", "3.weight", "0.bias", "0.weight",
            ])
        #expect(layout.entries.map(\.shape) == [[4], [4, 6], [6], [6, 16], [4, 5, 2, 2], [5], [5, 2, 3, 3]])
        #expect(layout.entries.allSatisfy { $0.range.lowerBound % 16 == 0 && $0.range.count == $0.shape.reduce(1, *) })
        #expect(layout.count % 16 == 0)
        #expect(layout.parameterCount == 4 + 24 + 6 + 96 + 80 + 5 + 90)
        let covered = layout.entries.reduce(0) { $0 + $1.range.count } + layout.paddings.reduce(0) { $0 + $1.count }
        #expect(covered == layout.count)
    }

    @Test("gradients become ready in flat order")
    func gradientOrder() throws {
        let plan = try TestNet.convolutional.plan()
        #expect(plan.gradientOrder == Array(plan.layout.entries.indices))
        let shared = try ExecutorBitTests.shared.plan()
        #expect(shared.gradientOrder.sorted() == Array(shared.layout.entries.indices))
    }

    @Test("a ReLU is merged into the product before it, and values share memory")
    func fusion() throws {
        let plan = try TestNet.convolutional.plan()
        #expect(
            plan.inference.instructions.map(\.code) == [
                .convolution, .maxPool, .convolution, .channelsFirst, .linear, .linear, .softmaxCrossEntropy,
            ])
        let functions = plan.inference.instructions.map(\.function)
        #expect(functions == [LS_RELU, 0, LS_RELU, 0, LS_RELU, 0, 0])
        #expect(!plan.training.instructions.contains { $0.code == .relu })
        // No gradient of the samples is computed.
        #expect(plan.training.instructions.filter { $0.code == .convolutionDataGradient }.count == 1)
        let everyValue = [7 * 6 * 5, 3 * 3 * 5, 3 * 3 * 5, 2 * 2 * 4, 2 * 2 * 4, 6, 4].map(FlatLayout.aligned)
        #expect(plan.inference.floatsPerSample < everyValue.reduce(0, +))
    }

    @Test("values that live at the same time never share memory")
    func arena() {
        var overwritten = 0
        for net in GradientTests.nets.map(\.net) {
            let graph = net.trainingGraph()
            let assignment = ArenaAssignment(graph)
            // Values under another shape are one value.
            var root = Array(graph.values.indices)
            for node in graph.nodes where node.operation == .reshape { root[node.results[0]] = root[node.inputs[0]] }
            func range(_ value: Int) -> Range<Int> {
                let place = assignment.places[value]
                return place.offset..<place.offset + (place.space == .arena ? graph.values[value].floats : 0)
            }
            func isRead(_ value: Int, after index: Int) -> Bool {
                graph.nodes[(index + 1)...].contains { $0.inputs.contains { root[$0] == root[value] } }
            }
            var known: [Int] = []
            for (index, node) in graph.nodes.enumerated() {
                for result in node.results where node.operation != .reshape {
                    #expect(range(result).upperBound <= assignment.floatsPerSample)
                    for other in known where range(result).overlaps(range(other)) {
                        #expect(!isRead(other, after: index), "\(other) is overwritten by \(result)")
                        guard node.inputs.contains(where: { root[$0] == root[other] }) else { continue }
                        #expect(
                            node.operation.overwriting?.inputs.contains { root[node.inputs[$0]] == root[other] } == true
                        )
                        #expect(range(result) == range(other))
                        overwritten += 1
                    }
                }
                for first in node.results {
                    for second in node.results where second > first {
                        #expect(!range(first).overlaps(range(second)))
                    }
                }
                known += node.results
            }
        }
        #expect(overwritten > 0, "memory is taken over somewhere")
    }

    @Test("the digest is stable and tells models apart")
    func digest() throws {
        let digest = try TestNet.convolutional.plan().digest
        #expect(try TestNet.convolutional.plan().digest == digest)
        #expect(try TestNet.convolutional.plan(optimizer: .adam).digest != digest)
        var layers = TestNet.convolutional.layers
        layers[0] = .convolution(6, kernel: 3)
        #expect(try TestNet(input: [9, 8, 2], layers: layers).plan().digest != digest)
        #expect(
            try TestNet.perceptron.plan().modelDescription == """
                %0 = input() [7]
                %1 = linear(%0, 0.weight[9, 7], 0.bias[9]) [9]
                %2 = relu(%1) [9]
                %3 = linear(%2, 2.weight[5, 9], 2.bias[5]) [5]
                %4 = softmaxCrossEntropy(%3) [1]

                """)
    }

    @Test("operations are counted")
    func flops() throws {
        let plan = try TestNet(input: [4, 4, 1], layers: [.convolution(3, kernel: 3), .flatten, .linear(2)]).plan()
        #expect(plan.forwardFLOPsPerSample == 2 * (2 * 2 * 9 * 3) + 2 * 12 * 2)
        #expect(plan.backwardFLOPsPerSample == 2 * (2 * 2 * 9 * 3) + 2 * (2 * 12 * 2))
    }

    @Test("a shape that does not fit names the layer and both shapes")
    func errors() throws {
        func message(_ input: [Int], _ layers: [TestNet.Layer]) -> String {
            do {
                _ = try TestNet(input: input, layers: layers).plan()
                return "no error"
            } catch let error as CommandError {
                #expect(error.exitCode == .usage)
                #expect(!error.message.contains("\n"))
                return error.message
            } catch {
                return "\(error)"
            }
        }
        #expect(message([4, 4, 1], [.linear(3)]).contains("[4, 4, 1]; put a flatten before it"))
        #expect(message([4], [.convolution(3, kernel: 2)]).contains("conv2D: takes images"))
        #expect(
            message([4, 4, 1], [.convolution(3, kernel: 5)]).contains("5 × 5 is larger than what comes in, [4, 4, 1]"))
        #expect(message([4, 4, 1], [.convolution(0, kernel: 3)]).contains("outputs is 0"))
        #expect(message([4, 4, 1], [.convolution(3, kernel: -1)]).contains("kernel is -1"))
        #expect(message([4, 4, 1], [.pool(5, stride: 5)]).contains("5 × 5 is larger than what comes in, [4, 4, 1]"))
        #expect(message([4, 4, 1], [.pool(2, stride: 0)]).contains("stride is 0"))
        #expect(message([40, 40, 1], [.pool(16, stride: 1)]).contains("it must be 1 to 15"))
        #expect(message([4], [.linear(3), .residual([.linear(4)])]).contains("[3] and [4]"))
        #expect(message([4, 4, 1], [.convolution(3, kernel: 3)]).contains("takes one number a class"))
        #expect(message([4], [.relu]).contains("it has no parameters"))
        #expect(message([4], [.linear(Int.max)]).contains("too many elements"))
        #expect(message([1 << 20, 1 << 20, 1 << 20], [.flatten, .linear(3)]).contains("no elements or too many"))
        #expect(message([0], [.linear(3)]).contains("no elements or too many"))
    }

    @Test("a parameter that takes no part is named, and a dropped branch leaves no trace")
    func unused() throws {
        var names = ModelNames()
        let (used, unused) = (Parameter([3, nil]), Parameter([3, nil]))
        names.add(used, name: "used.weight")
        names.add(unused, name: "unused.weight")
        func compile(_ names: ModelNames, _ model: (Tensor) -> Tensor) throws -> Plan {
            try Plan.compile(
                names: names, inputShape: [4], loss: .softmaxCrossEntropy, optimizer: .sgd, model: model)
        }
        #expect {
            try compile(names) {
                _ = $0.tracer.linear($0, weight: unused, bias: nil, layer: nil)
                return $0.tracer.linear($0, weight: used, bias: nil, layer: nil)
            }
        } throws: {
            ($0 as? CommandError)?.message.contains("'unused.weight' takes no part") == true
        }
        var fewer = ModelNames()
        fewer.add(used, name: "used.weight")
        let plain = try compile(fewer) { $0.tracer.linear($0, weight: used, bias: nil, layer: nil) }
        let branched = try compile(fewer) {
            _ = relu($0)
            return $0.tracer.linear($0, weight: used, bias: nil, layer: nil)
        }
        #expect(branched.digest == plain.digest)
    }

    @Test("parameters of the wrong rank are refused")
    func wrongRank() {
        let (flat, deep) = (Parameter([3]), Parameter([3, nil]))
        var names = ModelNames()
        names.add(flat, name: "flat")
        names.add(deep, name: "deep")
        for model in [{ linear($0, weight: flat) }, { linear($0, weight: deep, bias: deep) }] as [(Tensor) -> Tensor] {
            #expect(throws: CommandError.self) {
                try Plan.compile(
                    names: names, inputShape: [4], loss: .softmaxCrossEntropy, optimizer: .sgd, model: model)
            }
        }
    }

    @Test("memory that no machine has is a number, not a trap")
    func arenaBytes() throws {
        let plan = try TestNet.convolutional.plan()
        #expect(plan.arenaBytes(samples: 16, lanes: 2) >= 4 * 16 * plan.training.floatsPerSample)
        #expect(plan.arenaBytes(samples: Int.max / 2, lanes: 2) == Int.max)
        for batchSize in [0, -1, Int.max] {
            #expect(throws: CommandError.self) {
                try Executor(
                    plan: plan, kernels: .best(), lanes: 0..<2, laneTree: LaneTree(laneCount: 2),
                    batchSize: batchSize, threads: 1)
            }
        }
    }
}
