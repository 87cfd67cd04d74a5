import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// The jobs in `cluster/jobs/bench` are the networks of the peers' script, number for number.
@Suite struct BenchJobTests {
    private static let adam = Optimizer.adam(learningRate: 0.001)

    @Test(arguments: [
        ("mlp", 669_706, 64, [28, 28, 1], 10), ("cnn", 93_322, 64, [28, 28, 1], 10),
        ("lstm", 403_073, 32, [100], 1), ("gpt", 10_893_312, 8, [128], 128 * 256),
        ("resnet18", 11_173_962, 32, [32, 32, 3], 10),
    ])
    func peers(_ name: String, _ parameters: Int, _ batch: Int, _ input: [Int], _ outputs: Int) throws {
        let job = try ExampleJobs.resolved("bench/\(name)")
        #expect(job.name == name)
        #expect(job.plan.layout.parameterCount == parameters)
        #expect(job.batchSize == batch && job.laneTree.laneCount == 1)
        #expect(job.plan.inputShape == input && job.plan.outputElements == outputs)
        #expect(job.optimizer == BenchJobTests.adam)
        #expect(job.train.count % batch == 0, "every batch is full")
    }

    /// The names of the peers' own modules, where they are the same modules.
    @Test func names() throws {
        func shapes(_ name: String) throws -> Set<String> {
            Set(try ExampleJobs.resolved("bench/\(name)").plan.layout.entries.map { "\($0.name) \($0.shape)" })
        }
        #expect(
            try shapes("mlp") == [
                "1.weight [512, 784]", "1.bias [512]", "3.weight [512, 512]", "3.bias [512]", "5.weight [10, 512]",
                "5.bias [10]",
            ])
        #expect(try shapes("cnn").isSuperset(of: ["0.weight [32, 1, 3, 3]", "9.weight [64, 576]", "11.bias [10]"]))
        #expect(
            try shapes("lstm") == [
                "e.weight [10000, 32]", "l.weight_ih_l0 [512, 32]", "l.weight_hh_l0 [512, 128]", "l.bias_ih_l0 [512]",
                "l.bias_hh_l0 [512]", "d.weight [1, 128]", "d.bias [1]",
            ])
        #expect(
            try shapes("gpt").isSuperset(of: [
                "t.weight [256, 384]", "p.weight [128, 384]", "b.5.self_attn.in_proj_weight [1152, 384]",
                "b.0.linear1.weight [1536, 384]", "n.bias [384]", "u.weight [256, 384]",
            ]))
        let resnet = try shapes("resnet18")
        #expect(
            resnet.isSuperset(of: [
                "0.weight [64, 3, 3, 3]", "1.running_var [64]", "3.c1.weight [64, 64, 3, 3]",
                "5.s.0.weight [128, 64, 1, 1]",
                "5.s.1.bias [128]", "10.b2.weight [512]", "13.weight [10, 512]",
            ]))
        // 20 convolutions, 20 batch norms of four tensors, one linear layer.
        #expect(resnet.count == 20 + 80 + 2)
    }
}
