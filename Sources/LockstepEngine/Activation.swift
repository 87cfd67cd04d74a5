package import CLockstepKernels

/// An elementwise function other than ReLU, with its derivative.
package struct Activation: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        case sigmoid, tanh, gelu, tanhGELU, silu, softplus, leakyReLU, elu
    }

    package let kind: Kind
    /// The slope of a leaky ReLU below zero, alpha of ELU; else 0.
    package let parameter: Float

    package init(_ kind: Kind, parameter: Float = 0) {
        self.kind = kind
        self.parameter = parameter
    }

    /// True where the derivative is made of the result; else it is made of what came in.
    var savesResult: Bool { kind == .sigmoid || kind == .tanh }

    /// The name in a model's description.
    var name: String { kind == .tanhGELU ? "gelu" : "\(kind)" }

    /// The name with the settings that a shape does not show.
    var text: String {
        switch kind {
        case .tanhGELU: "gelu[approximate:tanh]"
        case .leakyReLU: "leakyReLU[slope:\(parameter)]"
        case .elu: "elu[alpha:\(parameter)]"
        default: name
        }
    }
}

extension Activation.Kind {
    package var code: ls_activation {
        switch self {
        case .sigmoid: LS_SIGMOID
        case .tanh: LS_TANH
        case .gelu: LS_GELU
        case .tanhGELU: LS_GELU_TANH
        case .silu: LS_SILU
        case .softplus: LS_SOFTPLUS
        case .leakyReLU: LS_LEAKY_RELU
        case .elu: LS_ELU
        }
    }
}
