import LockstepCore
import LockstepData
import LockstepEngine
import LockstepModels
import Testing

@testable import LockstepJobs

/// Groups of parameters and initial values in a job file.
@Suite struct ParameterKeyTests {
    private func job(_ overrides: [String]) throws -> Job {
        try JobFile(JobFileTests.source(JobFileTests.valid, overrides)).job
    }

    private func resolved(_ overrides: [String]) throws -> ResolvedJob {
        try ResolvedJob(job(overrides)) { DataFile(name: $0.name, bytes: []) }
    }

    @Test func groups() throws {
        let text = "[{names: '*.bias', weightDecay: 0}, {names: [output.weight, x], learningRateFactor: 0.1}]"
        let groups = [
            ParameterGroup(names: ["*.bias"], weightDecay: 0),
            ParameterGroup(names: ["output.weight", "x"], learningRateFactor: 0.1),
        ]
        for (name, expected) in [
            ("adamW", Optimizer.adamW(learningRate: 0.001, groups: groups)),
            ("adam", .adam(learningRate: 0.001, groups: groups)), ("sgd", .sgd(learningRate: 0.001, groups: groups)),
            ("rmsprop", .rmsprop(learningRate: 0.01, groups: groups)),
            ("adagrad", .adagrad(learningRate: 0.01, groups: groups)),
        ] {
            #expect(try job(["optimizer={\(name): {groups: \(text)}}"]).optimizer == expected)
        }
        #expect(
            try job(["optimizer={adam: {groups: {names: a, weightDecay: 1}}}"]).optimizer.groups
                == [ParameterGroup(names: ["a"], weightDecay: 1)])
    }

    @Test func initialValues() throws {
        let text =
            "[{names: '*.bias', values: zeros}, {names: [a, b], values: {normal: 0.02}}, {names: '*', values: {uniform: 0.1}}, {names: c, values: ones}, {names: d, values: xavierUniform}]"
        #expect(
            try job(["initialValues=\(text)"]).initialValues == [
                InitialValues(names: ["*.bias"], values: .zeros),
                InitialValues(names: ["a", "b"], values: .normal(deviation: 0.02)),
                InitialValues(names: ["*"], values: .uniform(bound: 0.1)), InitialValues(names: ["c"], values: .ones),
                InitialValues(names: ["d"], values: .xavierUniform),
            ])
        #expect(try job([]).initialValues.isEmpty)
    }

    @Test(arguments: [
        ("optimizer={adam: {groups: [{weightDecay: 0}]}}", "a group needs names"),
        ("optimizer={adam: {groups: [{names: a, decay: 0}]}}", "unknown key"),
        ("optimizer={adam: {groups: [{names: a, weightDecay: -1}]}}", "at least 0"),
        ("initialValues=zeros", "is no rule"), ("initialValues=[{names: a}]", "a rule needs values"),
        ("initialValues=[{names: a, values: {normal: -1}}]", "at least 0"),
        ("initialValues=[{names: a, values: normal}]", "normal needs deviation"),
        ("initialValues=[{names: a, values: one}]", "did you mean ones?"),
        ("initialValues=[{names: a, values: {zeros: 1}}]", "zeros takes no value"),
    ])
    func refusals(_ override: String, _ words: String) throws {
        let message = try JobFileTests.refusal(JobFileTests.valid, [override])
        #expect(message.contains(words), "\(message)")
    }

    @Test func namesMustStandForSomething() throws {
        for override in [
            "optimizer={adam: {groups: [{names: '*.bais'}]}}", "initialValues=[{names: '*.bais', values: zeros}]",
        ] {
            #expect("\(override)") {
                try resolved([override])
            } throws: {
                ($0 as? CommandError)?.message.contains("no parameter is named '*.bais'") == true
            }
        }
    }

    @Test func theDigestCoversThem() throws {
        let overrides = [
            [], ["optimizer={adam: {groups: [{names: '*.bias', weightDecay: 0}]}}"],
            ["optimizer={adam: {groups: [{names: '*.bias', learningRateFactor: 0.5}]}}"], ["optimizer=adam"],
            ["initialValues=[{names: '*.bias', values: zeros}]"],
            ["initialValues=[{names: '*', values: {normal: 0.02}}]"],
        ]
        let jobs = try overrides.map(resolved)
        #expect(Set(jobs.map(\.digest)).count == jobs.count)
        // What a rule leaves as it was changes nothing.
        let same = try resolved(["initialValues=[{names: '*', values: uniformByFanIn}]"])
        #expect(same.digest == jobs[0].digest)
        #expect(same.plan.digest == jobs[0].plan.digest)
        let model = try TrainedModel(job(overrides[5]), preprocessing: jobs[5].preprocessing)
        #expect(model.plan.digest == jobs[5].plan.digest)
    }
}
