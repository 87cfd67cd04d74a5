import CLockstepKernels
import LockstepCore
import LockstepEngine
import Testing

@testable import LockstepModels

@Suite("Optimizers and schedules") struct OptimizerTests {
    let kernels = Kernels.best()

    @Test("a cosine rises in a line and falls along half a cosine")
    func cosine() {
        let schedule = Schedule.cosine(from: 0.5, warmUpSteps: 4)
        let rates = (1...12).map { schedule.rate(atStep: $0, of: 12, kernels: kernels) }
        #expect(rates.prefix(4) == [0.125, 0.25, 0.375, 0.5])
        // ½(1 + cos(π·n/8)) for n = 0 … 7.
        let cosines = [1, 0.9238795325, 0.7071067812, 0.3826834324, 0, -0.3826834324, -0.7071067812, -0.9238795325]
        for (rate, cosine) in zip(rates.dropFirst(4), cosines) {
            #expect(abs(rate - 0.5 * (1 + cosine) / 2) < 2e-7)
        }
        // Near the end 1 + cos cancels; the relative error stays small all the same.
        let last = Schedule.cosine(from: 1).rate(atStep: 100_000, of: 100_000, kernels: kernels)
        let angle = Double.pi / 2 / 100_000
        #expect(abs(last / (angle * angle) - 1) < 1e-6)
    }

    @Test("a cosine without warm-up begins at its rate, and all steps may be warm-up")
    func cosineEdges() {
        #expect(Schedule.cosine(from: 0.25).rate(atStep: 1, of: 10, kernels: kernels) == 0.25)
        #expect(Schedule.cosine(from: 0.25, warmUpSteps: 10).rate(atStep: 10, of: 10, kernels: kernels) == 0.25)
        #expect(Schedule.cosine(from: 0.25, warmUpSteps: 20).rate(atStep: 10, of: 10, kernels: kernels) == 0.125)
        #expect(Schedule.constant(0.1).rate(atStep: 7, of: 10, kernels: kernels) == 0.1)
    }

    @Test("rates have the same bits with every instruction set")
    func sameBits() {
        let schedule = Schedule.cosine(from: 1e-3, warmUpSteps: 10)
        for step in 1...200 {
            let rates = Kernels.knownNames.compactMap(Kernels.init(named:)).map {
                schedule.rate(atStep: step, of: 200, kernels: $0).bitPattern
            }
            #expect(rates.allSatisfy { $0 == rates[0] })
        }
    }

    @Test("the constants of an Adam step are PyTorch's")
    func adamConstants() throws {
        let optimizer = Optimizer.adam(learningRate: 0.001)
        guard case .adam(let first) = optimizer.step(1, of: 10, totalWeight: 128, kernels: kernels).rule,
            case .adam(let tenth) = optimizer.step(10, of: 10, totalWeight: 100, kernels: kernels).rule
        else {
            Issue.record("not Adam")
            return
        }
        #expect(first.scale == 0x1p-7)
        #expect(first.beta1 == 0.9 && first.beta2 == 0.999 && first.epsilon == 1e-8)
        #expect(first.one_minus_beta1 == 0.1 && abs(first.one_minus_beta2 - 0.001) < 1e-10)
        #expect(abs(first.step_size - 0.01) < 1e-9)
        #expect(abs(first.second_correction - 31.622776) < 1e-4)
        #expect(abs(tenth.step_size - 0.0015353399) < 1e-9)
        #expect(abs(tenth.second_correction - 10.02257) < 1e-3)
        #expect(tenth.scale == 1 / Float(100))
    }

    @Test("settings that no training survives are refused by name")
    func validation() throws {
        try Optimizer.adam(learningRate: .cosine(from: 0.001, warmUpSteps: 100)).validate()
        try Optimizer.sgd(learningRate: 1e30).validate()
        let refused: [(Optimizer, String)] = [
            (.sgd(learningRate: .constant(-1)), "optimizer.sgd.learningRate: -1.0"),
            (.sgd(learningRate: .constant(1e39)), "optimizer.sgd.learningRate"),
            (.sgd(learningRate: .constant(.nan)), "optimizer.sgd.learningRate"),
            (.adam(learningRate: .cosine(from: 1, warmUpSteps: -1)), "optimizer.adam.learningRate.cosine.warmUpSteps"),
            (.adam(learningRate: 0.1, beta1: 1), "optimizer.adam.beta1"),
            (.adam(learningRate: 0.1, beta2: -0.1), "optimizer.adam.beta2"),
            (.adam(learningRate: 0.1, epsilon: 0), "optimizer.adam.epsilon"),
            (.adam(learningRate: 0.1, epsilon: 1e-60), "optimizer.adam.epsilon"),
            (.sgd(learningRate: 0.1, momentum: 1), "optimizer.sgd.momentum: 1.0"),
            (.sgd(learningRate: 0.1, momentum: 0.9, dampening: 2), "optimizer.sgd.dampening"),
            (.sgd(learningRate: 0.1, nesterov: true), "optimizer.sgd.nesterov"),
            (.sgd(learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true), "optimizer.sgd.nesterov"),
            (.adamW(learningRate: 0.1, weightDecay: -1), "optimizer.adamW.weightDecay"),
            (.rmsprop(learningRate: 0.1, alpha: 1), "optimizer.rmsprop.alpha"),
            (.rmsprop(learningRate: 0.1, epsilon: 0), "optimizer.rmsprop.epsilon"),
            (.adagrad(learningRate: 0.1, learningRateDecay: .nan), "optimizer.adagrad.learningRateDecay"),
            (.sgd(learningRate: .steps(from: 1, every: 0)), "optimizer.sgd.learningRate.steps.every: 0"),
            (.sgd(learningRate: .steps(from: 1, every: 2, factor: 0)), "learningRate.steps.factor"),
            (.sgd(learningRate: .milestones(from: 1, at: [3, 3])), "learningRate.milestones.at: [3, 3]"),
            (.sgd(learningRate: .exponential(from: 1, decay: 1.5)), "learningRate.exponential.decay"),
            (.sgd(learningRate: .linear(from: 1, to: -1, steps: 3)), "learningRate.linear.to"),
            (.sgd(learningRate: .linear(from: 1, to: 0, steps: 0)), "learningRate.linear.steps"),
            (.sgd(learningRate: .plateau(from: 1, factor: 1)), "learningRate.plateau.factor"),
            (.sgd(learningRate: .plateau(from: 1, patience: -1)), "learningRate.plateau.patience"),
            (.sgd(learningRate: .plateau(from: 1, minimum: .infinity)), "learningRate.plateau.minimum"),
            (.sgd(learningRate: .constant(1, warmUpSteps: -1)), "learningRate.constant.warmUpSteps"),
        ]
        for (optimizer, words) in refused {
            #expect {
                try optimizer.validate()
            } throws: {
                ($0 as? CommandError)?.message.contains(words) == true
            }
        }
    }

    @Test("settings have one canonical text")
    func descriptions() {
        #expect(Optimizer.sgd(learningRate: 0.1).description == "sgd(learningRate:0.1)")
        #expect(
            Optimizer.adam(learningRate: .cosine(from: 1e-3, warmUpSteps: 100)).description
                == "adam(learningRate:cosine(from:0.001,warmUpSteps:100),beta1:0.9,beta2:0.999,epsilon:1e-08)")
        #expect(
            Optimizer.sgd(learningRate: 0.1, momentum: 0.9).description
                == "sgd(learningRate:0.1,momentum:0.9,dampening:0.0,nesterov:false)")
        #expect(
            Schedule.milestones(from: 1, at: [3, 5], warmUpSteps: 2).description
                == "milestones(from:1.0,at:[3, 5],factor:0.1,warmUpSteps:2)")
        #expect(Schedule.constant(0.5, warmUpSteps: 3).description == "constant(rate:0.5,warmUpSteps:3)")
    }
}
