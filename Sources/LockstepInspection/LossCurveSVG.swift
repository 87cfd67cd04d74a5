internal import LockstepCore

/// A curve as a picture that stands for itself: no script, no fonts, no other file. It follows the reader's choice of a
/// light or dark page.
package enum LossCurveSVG {
    private static let left = 72.0
    private static let right = 24.0
    private static let top = 48.0
    private static let bottom = 48.0

    /// - Parameters:
    ///   - title: what stands above the curve, such as the run's name.
    ///   - width: in pixels, at least 320, as `height` at least 200.
    package static func text(_ curve: LossCurve, title: String, width: Int = 960, height: Int = 480) -> String {
        let (width, height) = (Double(max(320, width)), Double(max(200, height)))
        let points = curve.finite
        var svg = head(title: title, name: curve.name, width, height)
        if let first = points.first, let last = points.last, let scale = PlotScale(points.map(\.value)) {
            let plot = Plot(
                left: left, right: width - right, top: top, bottom: height - bottom, first: first.step, last: last.step,
                scale: scale)
            svg += axes(plot)
            svg += curves(curve, points, plot)
        } else {
            svg += "<text x=\"\(left)\" y=\"\(height / 2)\" class=\"label\">no finite value to draw</text>\n"
        }
        return svg + "</svg>\n"
    }

    private struct Plot {
        let left: Double
        let right: Double
        let top: Double
        let bottom: Double
        let first: UInt32
        let last: UInt32
        let scale: PlotScale

        func x(_ step: Double) -> Double {
            last == first ? (left + right) / 2 : left + (right - left) * (step - Double(first)) / Double(last - first)
        }

        func y(_ value: Double) -> Double { bottom - (bottom - top) * scale.fraction(value) }
    }

    private static func head(title: String, name: String, _ width: Double, _ height: Double) -> String {
        let size = "\(Int(width)) \(Int(height))"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" width="\(Int(width))" height="\(Int(height))" \
            role="img" font-family="system-ui, sans-serif" font-size="13">
            <title>\(escaped(title)): \(escaped(name))</title>
            <style>
            .page { fill: #ffffff } .grid { stroke: #e3e6ea } .axis { stroke: #8a929c } .label { fill: #5a6470 }
            .heading { fill: #1d232a; font-size: 16px; font-weight: 600 }
            .band { fill: #2f6fde; opacity: 0.18 } .curve { stroke: #2f6fde; fill: none; stroke-width: 2 }
            .dot { fill: #2f6fde }
            @media (prefers-color-scheme: dark) {
            .page { fill: #14181d } .grid { stroke: #2a3037 } .axis { stroke: #707a86 } .label { fill: #a3adb8 }
            .heading { fill: #eef1f4 } .band { fill: #6ea0ff } .curve { stroke: #6ea0ff } .dot { fill: #6ea0ff }
            }
            </style>
            <rect class="page" width="100%" height="100%"/>
            <text x="\(left)" y="28" class="heading">\(escaped(title, limit: 60))</text>

            """
    }

    private static func axes(_ plot: Plot) -> String {
        var svg = ""
        let values = plot.scale.ticks(6)
        for value in values.values {
            let y = number(plot.y(value))
            svg += "<line class=\"grid\" x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(y)\" y2=\"\(y)\"/>\n"
            svg +=
                "<text class=\"label\" x=\"\(plot.left - 8)\" y=\"\(number(plot.y(value) + 4))\" text-anchor=\"end\">"
            svg += "\(PlotScale.text(value, digits: values.digits))</text>\n"
        }
        for step in steps(plot) {
            let x = number(plot.x(Double(step)))
            svg += "<line class=\"axis\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(plot.bottom)\" y2=\"\(plot.bottom + 5)\"/>\n"
            svg += "<text class=\"label\" x=\"\(x)\" y=\"\(plot.bottom + 20)\" text-anchor=\"middle\">\(step)</text>\n"
        }
        svg +=
            "<line class=\"axis\" x1=\"\(plot.left)\" x2=\"\(plot.right)\" y1=\"\(plot.bottom)\" y2=\"\(plot.bottom)\"/>\n"
        svg += "<text class=\"label\" x=\"\(number((plot.left + plot.right) / 2))\" y=\"\(plot.bottom + 40)\" "
        return svg + "text-anchor=\"middle\">step</text>\n"
    }

    /// Whole, round steps.
    private static func steps(_ plot: Plot) -> [Int] {
        guard let scale = PlotScale([Double(plot.first), Double(plot.last)]), plot.first < plot.last else {
            return [Int(plot.first)]
        }
        return scale.ticks(8).values.filter { $0 == $0.rounded() }.map { Int($0) }
    }

    /// A band from the least to the greatest value of each pixel, and the mean over a sixtieth of the run.
    private static func curves(_ curve: LossCurve, _ points: [LossCurve.Point], _ plot: Plot) -> String {
        let count = min(Int(plot.right - plot.left), max(2, points.count))
        let step = Double(plot.last - plot.first) / Double(max(1, count - 1))
        func places(_ points: [LossCurve.Point], _ value: (LossCurve.Column) -> Double) -> [String] {
            curve.columns(count, points).enumerated().compactMap { index, column in
                column.map {
                    "\(number(plot.x(Double(plot.first) + Double(index) * step))),\(number(plot.y(value($0))))"
                }
            }
        }
        let smooth = LossCurve.smoothed(points, width: max(1, points.count / 60))
        let line = places(smooth, \.mean)
        var svg = ""
        if points.count >= 120 {
            let outline = places(points, \.high) + places(points, \.low).reversed()
            svg += "<polygon class=\"band\" points=\"\(outline.joined(separator: " "))\"/>\n"
        }
        if line.count > 1 {
            svg += "<polyline class=\"curve\" stroke-linejoin=\"round\" points=\"\(line.joined(separator: " "))\"/>\n"
        }
        guard let last = smooth.last else { return svg }
        let (x, y) = (plot.x(Double(last.step)), plot.y(last.value))
        svg += "<circle class=\"dot\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"4\"/>\n"
        svg += "<text class=\"label\" x=\"\(number(plot.right))\" y=\"28\" text-anchor=\"end\">"
        return svg + "\(escaped(curve.name)) \(PlotScale.short(last.value)) at step \(last.step)</text>\n"
    }

    /// One place after the point is finer than a screen.
    private static func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

    /// Foreign text as XML text.
    private static func escaped(_ text: String, limit: Int = 120) -> String {
        var shown = ""
        for character in text.escapedForDisplay(limit: limit).unicodeScalars {
            switch character {
            case "&": shown += "&amp;"
            case "<": shown += "&lt;"
            case ">": shown += "&gt;"
            case "\"": shown += "&quot;"
            default: shown.unicodeScalars.append(character)
            }
        }
        return shown
    }
}
