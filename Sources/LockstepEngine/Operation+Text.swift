extension Operation {
    /// The name alone, as the table of layers shows it.
    var name: String {
        switch self {
        case .channelsFirst, .reshape: "flatten"
        default: String(text.prefix { $0 != "[" })
        }
    }

    /// The name in a model's description, with the settings that shapes do not show.
    var text: String {
        switch self {
        case .linear: "linear"
        case .convolution2D(let window, _) where window.stride == 1 && window.padding == 0: "conv2D"
        case .convolution2D(let window, _): "conv2D[stride:\(window.stride),padding:\(window.padding)]"
        case .maxPool2D(let window): "maxPool2D[\(window.poolText)]"
        case .averagePool2D(let window): "averagePool2D[\(window.poolText)]"
        case .activation(let activation): activation.text
        case .dropout(let dropping): "dropout[probability:\(dropping.probability),site:\(dropping.site)]"
        case .scale(let factor, let offset): "scale[factor:\(factor),offset:\(offset)]"
        case .slice(let slicing): "slice[\(slicing.columns.lowerBound)..<\(slicing.columns.upperBound)]"
        case .embedding(let padding?): "embedding[paddingToken:\(padding)]"
        case .embedding: "embedding"
        case .addPositions: "learnedPositions"
        case .layerNorm(let epsilon): "layerNorm[epsilon:\(epsilon)]"
        case .batchNorm(let own): "batchNorm[epsilon:\(own.epsilon),momentum:\(own.momentum)]"
        case .recurrence(let own): own.cell.name + (own.reverse ? "[reverse]" : "")
        case .attention(let own): own.text
        case .loss(let kind): kind.text
        default: "\(self)"
        }
    }
}

extension Operation.Attention {
    fileprivate var text: String {
        let drops = dropout.map { ",probability:\($0.probability),site:\($0.site)" } ?? ""
        return "attention[heads:\(heads),causal:\(causal)\(drops)]"
    }
}

extension Operation.Window {
    fileprivate var poolText: String {
        "kernel:\(height),stride:\(stride)" + (padding > 0 ? ",padding:\(padding)" : "")
    }
}
