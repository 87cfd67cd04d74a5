/// How a parameter starts. Values are a function of the seed, the parameter's name and the element alone.
public enum Initializer: Sendable, Hashable, CustomStringConvertible {
    /// PyTorch's default for linear and convolution layers, weights and biases alike: uniform in ±1/√(inputs of one
    /// output).
    case uniformByFanIn
    /// Uniform in ±bound.
    case uniform(bound: Double)
    /// PyTorch's `xavier_uniform_`: uniform in ±√(6 / (rows + columns)) of a matrix.
    case xavierUniform
    /// Normal with mean 0; one row, as that of a padding token, may be zero.
    case normal(deviation: Double = 1, zeroRow: Int? = nil)
    case zeros
    case ones

    /// Canonical: digests cover it.
    public var description: String {
        switch self {
        case .uniformByFanIn: "uniformByFanIn"
        case .uniform(let bound): "uniform(bound:\(bound))"
        case .xavierUniform: "xavierUniform"
        case .normal(let deviation, nil): "normal(deviation:\(deviation))"
        case .normal(let deviation, let row?): "normal(deviation:\(deviation),zeroRow:\(row))"
        case .zeros: "zeros"
        case .ones: "ones"
        }
    }
}
