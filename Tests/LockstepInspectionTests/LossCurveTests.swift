import LockstepCore
import LockstepFormats
import LockstepTestSupport
import Testing

@testable import LockstepInspection

@Suite struct LossCurveTests {
    private func curve(_ count: Int, seed: UInt64 = 3) -> LossCurve {
        var random = SeededGenerator(seed: seed)
        return LossCurve(
            points: (1...count).map { step in
                LossCurve.Point(
                    step: UInt32(step),
                    value: 2.3 / (1 + Double(step) / 40) + Double.random(in: 0...0.2, using: &random))
            })
    }

    @Test func readsStepsAndMetrics() throws {
        let folder = try TemporaryFolder()
        let lines = (1...5).map { step in
            #"{"step":\#(step),"epoch":1,"loss":\#(step == 3 ? "null" : "\(step).5"),"metrics":{"accuracy":0.\#(step)},"#
                + #""learningRate":0.001,"samplesPerSecond":10}"#
        }
        // Told again after a resume: step 4 and what follows; then a torn line.
        let again = #"{"step":4,"loss":9}"#
        try folder.write("m", (lines.joined(separator: "\n") + "\nnonsense\n" + again + "\n" + #"{"step":5,"lo"#).utf8)
        let loss = try LossCurve(metricsFile: folder.path + "/m")
        #expect(loss.points.map(\.step) == [1, 2, 3, 4])
        #expect(loss.finite.map(\.value) == [1.5, 2.5, 9])
        #expect(loss.brokenLines == 1)
        let accuracy = try LossCurve(metricsFile: folder.path + "/m", value: "accuracy")
        #expect(accuracy.finite.map(\.value) == [0.1, 0.2, 0.3])
        #expect(
            throws: CommandError.usage(
                "\(folder.path)/m: no step has “f1”; choose one of loss, learningRate, samplesPerSecond, accuracy")
        ) { try LossCurve(metricsFile: folder.path + "/m", value: "f1") }
        try folder.write("empty", "".utf8)
        #expect(throws: CommandError.self) { try LossCurve(metricsFile: folder.path + "/empty") }
        #expect(throws: CommandError.self) { try LossCurve(metricsFile: folder.path + "/none") }
        #expect(throws: CommandError.self) { try LossCurve(metricsFile: folder.path) }
    }

    @Test func manyStepsBecomeMeans() {
        let count = 1024 + 5
        let curve = LossCurve(
            points: (1...count).map { LossCurve.Point(step: UInt32($0), value: Double($0)) }, mostPoints: 1024)
        #expect(curve.stepsPerPoint == 2)
        #expect(curve.points.count == 512 + 3)
        #expect(curve.points[0] == LossCurve.Point(step: 2, value: 1.5))
        #expect(curve.points.last == LossCurve.Point(step: UInt32(count), value: Double(count)))
    }

    @Test(arguments: [1, 30, 47, 80, 211]) func textFitsTheTerminal(width: Int) {
        for points in [1, 2, 3, 50, 1000] {
            let lines = LossCurveText.lines(curve(points), width: width, height: 12)
            #expect(lines.count == 15)
            #expect(lines.allSatisfy { TextColumns.width($0) <= max(30, width) })
            #expect(lines.joined().unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) })
        }
    }

    /// A falling line begins at the upper left and ends at the lower right.
    @Test func theLineIsWhereItShouldBe() {
        let curve = LossCurve(points: (0...1000).map { LossCurve.Point(step: UInt32($0), value: 1000 - Double($0)) })
        let lines = LossCurveText.lines(curve, width: 60, height: 10)
        func dots(_ line: String) -> [Int] {
            line.unicodeScalars.enumerated().filter { (0x2801...0x28FF).contains($0.element.value) }.map(\.offset)
        }
        #expect(dots(lines[1]).first == 8)
        #expect(dots(lines[10]).last == 59)
        for (upper, lower) in zip(lines[1...9], lines[2...10]) {
            #expect(dots(upper).first ?? 99 < dots(lower).first ?? 0)
        }
        #expect(lines.last?.hasSuffix("1000") == true)
    }

    @Test func extremeValuesAreDrawn() {
        let series: [[Double]] = [
            [.nan, .nan], [0, 0, 0], [1e308, -1e308, 1e308], [.leastNonzeroMagnitude, .leastNonzeroMagnitude * 9],
            [5, .infinity, 7], [-1e15, -1e15 - 1],
            [1e300, 1e300], [.leastNonzeroMagnitude, 0], [1e15 + 0.25, 1e15 + 0.5],
        ]
        for values in series {
            let curve = LossCurve(points: values.enumerated().map { .init(step: UInt32($0.offset), value: $0.element) })
            #expect(!LossCurveText.lines(curve).isEmpty)
            #expect(LossCurveSVG.text(curve, title: "t").hasSuffix("</svg>\n"))
            #expect(!curve.json.bytes.isEmpty)
        }
        let far = LossCurve(points: [.init(step: 0, value: 1), .init(step: .max, value: 2)])
        #expect(!LossCurveText.lines(far).isEmpty)
        #expect(LossCurveSVG.text(far, title: "").hasSuffix("</svg>\n"))
    }

    @Test func thePictureIsXMLThatForeignTextCannotBreak() {
        let title = "</text><script>alert(1)</script>&\"\u{1B}[31m\u{0}"
        for points in [1, 2, 100, 1500] {
            let svg = LossCurveSVG.text(curve(points), title: title)
            #expect(!svg.contains("<script"))
            #expect(svg.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
            var open: [Substring] = []
            for tag in svg.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/) {
                if tag.output.1 == "/" {
                    let last = open.popLast()
                    #expect(last == tag.output.2)
                } else if tag.output.3.isEmpty {
                    open.append(tag.output.2)
                }
            }
            #expect(open.isEmpty)
            #expect(svg.contains("&lt;script&gt;"))
            #expect(!svg.contains("nan") && !svg.contains("inf"))
        }
    }

    @Test func ticksAreRoundAndInside() {
        for (low, high, expected) in [
            (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]), (0.31, 2.29, ["0.5", "1.0", "1.5", "2.0"]),
            (1.0, 1000.0, ["200", "400", "600", "800", "1000"]), (-5.0, 5.0, ["-4", "-2", "0", "2", "4"]),
            (0.0101, 0.0139, ["0.011", "0.012", "0.013"]),
        ] {
            let scale = PlotScale([low, high])
            let ticks = scale?.ticks(5)
            #expect(ticks?.values.map { PlotScale.text($0, digits: ticks?.digits ?? 0) } == expected)
        }
    }

    @Test func smoothingIsAMeanOfNeighbours() {
        let points = [1, 5, 3, 7, 9].enumerated().map { LossCurve.Point(step: UInt32($0.offset), value: $0.element) }
        #expect(LossCurve.smoothed(points, width: 1) == points)
        #expect(LossCurve.smoothed(points, width: 3).map(\.value) == [3, 3, 5, 19.0 / 3, 8])
    }
}
