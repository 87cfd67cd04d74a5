extension Tracer {
    /// Scaled dot-product attention of a sequence to itself: [positions, 3 · width] becomes [positions, width].
    ///
    /// - Parameters:
    ///   - qkv: queries, keys and values side by side, each head by head.
    ///   - heads: how many parts `width` is cut into.
    ///   - causal: whether a position sees only itself and those before it.
    ///   - dropout: the probability with which, in training, one position does not see another.
    package func attention(_ qkv: Tensor, heads: Int, causal: Bool, dropout: Double, layer: AnyObject?) -> Tensor {
        let kind = "attention"
        guard check(qkv, layer, kind), isSequence(qkv, layer, kind) else { return qkv }
        let (positions, columns) = (qkv.shape[0], qkv.shape[1])
        guard heads >= 1, columns % 3 == 0, columns / 3 % heads == 0 else {
            return fail(
                qkv, layer, kind,
                "takes queries, keys and values of \(heads) heads, but what comes in is \(qkv.shape); "
                    + "its width must be a multiple of 3 × \(heads)")
        }
        guard dropout >= 0, dropout < 1, Float(1 / (1 - dropout)).isFinite else {
            return fail(qkv, layer, kind, "dropout is \(dropout); it must be at least 0 and below 1")
        }
        guard elements(of: [heads, positions, positions]) != nil else {
            return fail(qkv, layer, kind, "\(positions) positions of \(heads) heads are too many")
        }
        let site = dropoutSite(layer)
        let drops = mode == .training && dropout > 0
        let own = Operation.Attention(
            heads: heads, causal: causal,
            dropout: drops ? Operation.Dropping(probability: dropout, site: site) : nil)
        return result(
            .attention(own), qkv, [], shape: [positions, columns / 3],
            others: [Graph.Value(shape: [heads, positions, positions])], layer: layer)
    }
}
