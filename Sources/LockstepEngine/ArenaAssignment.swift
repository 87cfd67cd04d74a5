/// Gives every value of a graph its place, so that values that never live at the same time share memory: those of samples
/// in one arena, those of lanes in another.
struct ArenaAssignment {
    /// By value; `.none` where nothing reads or writes it.
    private(set) var places: [Place]
    /// Floats per sample.
    private(set) var floatsPerSample = 0
    /// Floats per lane.
    private(set) var floatsPerLane = 0

    private struct Block {
        var floats: Int
        var first: Int
        var last: Int
        var space: Place.Space
    }

    init(_ graph: Graph) {
        var lastReader = [Int](repeating: -1, count: graph.values.count)
        var blockOf = [Int](repeating: -1, count: graph.values.count)
        // A value that another name shares (a reshape) lives as long as the last of its names.
        var root = Array(0..<graph.values.count)
        for node in graph.nodes where node.operation == .reshape { root[node.results[0]] = root[node.inputs[0]] }
        for (index, node) in graph.nodes.enumerated() {
            for value in node.inputs + node.results { lastReader[root[value]] = index }
        }

        var blocks: [Block] = []
        for (index, node) in graph.nodes.enumerated() where node.operation != .reshape {
            for (position, value) in node.results.enumerated() {
                let last = lastReader[value]
                if let (result, inputs) = node.operation.overwriting, result == position,
                    let taken = inputs.lazy.compactMap({
                        ArenaAssignment.overwritten(
                            node, input: $0, result: value, at: index, graph: graph, root: root, lastReader: lastReader)
                    }).first(where: { blocks[blockOf[$0]].space == .arena })
                {
                    blockOf[value] = blockOf[taken]
                    blocks[blockOf[taken]].last = max(blocks[blockOf[taken]].last, last)
                } else {
                    blockOf[value] = blocks.count
                    let space: Place.Space = graph.values[value].isPerLane ? .lanes : .arena
                    blocks.append(
                        Block(
                            floats: FlatLayout.aligned(graph.values[value].floats), first: index, last: last,
                            space: node.operation == .input ? .samples : space))
                }
            }
        }

        var offsets = [Int](repeating: 0, count: blocks.count)
        floatsPerSample = ArenaAssignment.assign(.arena, blocks, &offsets)
        floatsPerLane = ArenaAssignment.assign(.lanes, blocks, &offsets)
        places = graph.values.indices.map { value in
            let block = blockOf[root[value]]
            return block < 0 ? .none : Place(space: blocks[block].space, offset: offsets[block])
        }
    }

    /// The value whose memory `result` may take over: nothing reads it after this node, and no other input shares it.
    private static func overwritten(
        _ node: Graph.Node, input: Int, result: Int, at index: Int, graph: Graph, root: [Int], lastReader: [Int]
    ) -> Int? {
        let candidate = root[node.inputs[input]]
        let others = node.inputs.indices.filter { $0 != input }.map { root[node.inputs[$0]] }
        guard lastReader[candidate] == index, !others.contains(candidate),
            graph.values[candidate].floats == graph.values[result].floats
        else { return nil }
        return candidate
    }

    /// Gives the blocks of one space their offsets: the largest first, each at the lowest that is free while it lives.
    ///
    /// - Returns: the floats of the space.
    private static func assign(_ space: Place.Space, _ blocks: [Block], _ offsets: inout [Int]) -> Int {
        let order = blocks.indices.filter { blocks[$0].space == space }.sorted {
            (blocks[$1].floats, $0) < (blocks[$0].floats, $1)
        }
        var placed: [Int] = []
        var end = 0
        for block in order {
            let neighbours = placed.filter {
                blocks[$0].first <= blocks[block].last && blocks[block].first <= blocks[$0].last
            }.sorted { (offsets[$0], $0) < (offsets[$1], $1) }
            var offset = 0
            for neighbour in neighbours {
                if offset + blocks[block].floats <= offsets[neighbour] { break }
                offset = max(offset, offsets[neighbour] + blocks[neighbour].floats)
            }
            offsets[block] = offset
            end = max(end, offset + blocks[block].floats)
            placed.append(block)
        }
        return end
    }
}
