import Foundation
import LockstepCore
import LockstepData
import Testing

@Suite struct PreprocessingCodingTests {
    /// Bits of means and deviations survive JSON.
    @Test func jsonKeepsEverything() throws {
        let lines = ["a,b,y"] + (0..<50).map { "\(Double($0 * 7919 % 503) / 7),k\($0 % 5),c\($0 % 3)" }
        let file = DataFile(name: "t", bytes: Array(lines.joined(separator: "\n").utf8))
        let table = try CSV(path: "t", label: "y").open(files: [file]).preprocessing
        let image = try Glyphs(count: 10).open(files: []).preprocessing
            .adding(Transforms([.normalize(mean: [0.1307], deviation: [0.3081])]))
        for preprocessing in [table, image] {
            let encoded = try JSONEncoder().encode(preprocessing)
            #expect(try JSONDecoder().decode(Preprocessing.self, from: encoded) == preprocessing)
        }
        #expect(table.table?.columns[0].deviation != 1)
    }
}
