internal import LockstepCore

/// A curve in the terminal, drawn with braille dots.
package enum LossCurveText {
    /// - Parameters:
    ///   - width: the columns of the terminal; no line is wider, unless it is narrower than 30.
    ///   - height: the lines of the picture itself.
    package static func lines(_ curve: LossCurve, width: Int = 80, height: Int = 16) -> [String] {
        let (width, height) = (max(30, width), max(4, height))
        let points = curve.finite
        let name = curve.name.escapedForDisplay(limit: 60)
        guard let first = points.first, let last = points.last, let scale = PlotScale(points.map(\.value)) else {
            return [TextColumns.cut("\(name): no finite value to draw", width)]
        }
        let ticks = scale.ticks(max(2, height / 3))
        let labels = ticks.values.map { PlotScale.text($0, digits: ticks.digits) }
        let margin = max(6, min(12, labels.map(TextColumns.width).max() ?? 0))
        let room = width - margin - 2
        var labelled = [String](repeating: "", count: height)
        for (value, label) in zip(ticks.values, labels) {
            labelled[Int((1 - scale.fraction(value)) * Double(height - 1) + 0.5)] = label
        }
        let rows = drawing(curve, points, scale, columns: room, rows: height)
        var lines = ["\(name)  first \(PlotScale.short(first.value))  last \(PlotScale.short(last.value))"]
        for (label, row) in zip(labelled, rows) {
            lines.append("\(TextColumns.right(label, margin)) \(label.isEmpty ? "│" : "┤")\(row)")
        }
        lines.append("\(String(repeating: " ", count: margin)) └\(String(repeating: "─", count: room))")
        let start = "step \(first.step)"
        let end = "\(last.step)"
        let gap = max(1, room - start.count - end.count)
        lines.append("\(String(repeating: " ", count: margin + 2))\(start)\(String(repeating: " ", count: gap))\(end)")
        return lines.map { TextColumns.cut($0, width) }
    }

    /// Each character holds two columns of four dots.
    private static func drawing(
        _ curve: LossCurve, _ points: [LossCurve.Point], _ scale: PlotScale, columns: Int, rows: Int
    ) -> [String] {
        var dots = [[UInt8]](repeating: [UInt8](repeating: 0, count: columns), count: rows)
        func set(_ x: Int, _ y: Int) {
            let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
            dots[y / 4][x / 2] |= bits[y % 4][x % 2]
        }
        var previous: (x: Int, y: Int)?
        for (x, column) in curve.columns(2 * columns, points).enumerated() {
            guard let column else { continue }
            let y = Int((1 - scale.fraction(column.mean)) * Double(4 * rows - 1) + 0.5)
            // A line from the column before: each column between takes its part of the way.
            let from = previous ?? (x, y)
            for between in min(from.x + 1, x)...x {
                let span = Double(max(1, x - from.x))
                let reach = (Double(between - from.x) / span, Double(max(0, between - 1 - from.x)) / span)
                let ends = (way(from.y, y, reach.1), way(from.y, y, reach.0))
                for dot in min(ends.0, ends.1)...max(ends.0, ends.1) { set(between, dot) }
            }
            previous = (x, y)
        }
        return dots.map { row in
            var text = ""
            for bits in row { text.unicodeScalars.append(Unicode.Scalar(0x2800 + UInt32(bits)) ?? " ") }
            return text
        }
    }

    private static func way(_ from: Int, _ to: Int, _ part: Double) -> Int {
        from + Int((Double(to - from) * part).rounded())
    }
}
