import CLockstepKernels
import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

/// A model with a case's parameters, as one lane: what comes out, the loss, the gradients, the statistics behind it.
struct PyTorchRun {
    var outputs: [Float]
    var loss: Double
    // Looked up by name only.
    var gradients: [String: [Float]] = [:]
    /// Parameters and buffers after an update that leaves parameters as they are.
    var after: [String: [Float]] = [:]

    init(_ model: any Module, _ loss: Loss, _ name: String, of fixture: PyTorchFixture) throws {
        ls_prepare_thread()
        let shape = try fixture.shape("\(name)/input")
        let plan = try Plan.compile(
            model: model, inputShape: Array(shape.dropFirst()), loss: loss, optimizer: .sgd(learningRate: 0.0))
        let state = try FlatState(layout: plan.layout, optimizer: plan.optimizer)
        try state.load { tensor in
            fixture.has("\(name)/parameter/\(tensor)") ? try fixture.floats("\(name)/parameter/\(tensor)") : nil
        }
        let known = fixture.names(behind: "\(name)/parameter/")
        #expect(plan.layout.entries.map(\.name).sorted() == known, "\(name): names")
        for entry in plan.layout.entries {
            #expect(try fixture.shape("\(name)/parameter/\(entry.name)") == entry.shape, "\(name): \(entry.name)")
        }

        let inputs = try fixture.floats("\(name)/input"), targets = try fixture.words("\(name)/target")
        let count = shape[0]
        #expect(inputs.count == count * plan.sampleElements && targets.count == count * plan.targetElements)
        let executor = try Executor(
            plan: plan, kernels: .best(), lanes: 0..<1, laneTree: LaneTree(laneCount: 1), batchSize: count, threads: 1)
        defer { executor.shutdown() }
        var results = [LaneResult()], sums = [Double](repeating: 0, count: plan.metricSumCount)
        outputs = Array(repeating: .nan, count: count * plan.outputElements)
        let starts = [0, UInt32(count)]
        let gradient = UnsafeMutableRawPointer.allocate(byteCount: max(64, plan.layout.count * 4), alignment: 64)
            .bindMemory(to: Float.self, capacity: plan.layout.count)
        defer { gradient.deallocate() }
        gradient.initialize(repeating: .nan, count: plan.layout.count)
        let pointers = [gradient]
        _ = executor.evaluate(
            parameters: state.parameters, inputs: inputs, targets: targets, laneStarts: starts, results: &results,
            metricSums: &sums, outputs: &outputs)
        _ = executor.train(
            parameters: state.parameters, inputs: inputs, targets: targets, laneStarts: starts, gradients: pointers,
            results: &results, metricSums: &sums, context: StepContext(seed: 1, step: 1, firstPosition: 0))
        self.loss = results[0].loss / results[0].weight
        for entry in plan.layout.entries {
            gradients[entry.name] = entry.range.map { Float(Double(gradient[$0]) / results[0].weight) }
        }
        let step = Optimizer.sgd(learningRate: 0.0).step(
            1, of: 1, totalWeight: results[0].weight, kernels: .best())
        executor.update(state, optimizer: step, totalGradient: gradient, batchCount: count)
        for view in state.parameterViews { after[view.name] = Array(view.elements) }
    }

    /// Compares everything with PyTorch's: outputs and the loss to 1e-5, gradients to 1e-4.
    ///
    /// - Returns: how much was compared.
    func compare(_ name: String, of fixture: PyTorchFixture) throws -> Int {
        let output = distance(outputs, try fixture.floats("\(name)/output"))
        #expect(output < 1e-5, "\(name): outputs are \(output) apart")
        let expected = try fixture.doubles("\(name)/loss")[0]
        #expect(abs(loss - expected) < 1e-5 * abs(expected), "\(name): the loss is \(loss), PyTorch's \(expected)")
        let parameters = fixture.names(behind: "\(name)/gradient/")
        // A sum that is nothing but rounding, as the gradient of a bias in front of a batch normalisation, has no size
        // of its own.
        let least = try parameters.map { typicalSize(try fixture.floats("\(name)/gradient/\($0)")) / 100 }.max() ?? 0
        for parameter in parameters {
            let own = try #require(gradients[parameter], "\(name): \(parameter)")
            let apart = distance(own, try fixture.floats("\(name)/gradient/\(parameter)"), least: least)
            #expect(apart < 1e-4, "\(name): the gradients of \(parameter) are \(apart) apart")
        }
        let buffers = fixture.names(behind: "\(name)/buffer/")
        for buffer in buffers {
            let own = try #require(after[buffer], "\(name): \(buffer)")
            let apart = distance(own, try fixture.floats("\(name)/buffer/\(buffer)"))
            #expect(apart < 1e-5, "\(name): \(buffer) are \(apart) apart")
        }
        return 2 + parameters.count + buffers.count
    }
}
