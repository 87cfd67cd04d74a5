/// Where an operand lives.
package struct Place: Sendable, Hashable {
    /// `arena`: what there is for each sample; `lanes`: what there is for each lane.
    package enum Space: UInt8, Sendable { case none, samples, arena, lanes }

    package var space: Space
    /// Floats per sample or lane. Times the group's capacity of samples or lanes it is the address.
    package var offset: Int

    static let none = Place(space: .none, offset: 0)
    static let samples = Place(space: .samples, offset: 0)
}
