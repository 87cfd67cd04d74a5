/// Where the pixels of a turned or enlarged image come from.
struct PlaneMapping {
    private let yy: Float
    private let yx: Float
    private let xy: Float
    private let xx: Float

    /// Turns counter-clockwise, as seen with y downwards.
    ///
    /// - Parameter degrees: from −180 to 180.
    static func rotation(degrees: Double) -> PlaneMapping {
        let (sine, cosine) = Angle.sineAndCosine(degrees: degrees)
        return PlaneMapping(yy: Float(cosine), yx: Float(sine), xy: Float(-sine), xx: Float(cosine))
    }

    /// - Parameter factor: above 1 enlarges.
    static func scaling(by factor: Double) -> PlaneMapping {
        let inverse = Float(1 / factor)
        return PlaneMapping(yy: inverse, yx: 0, xy: 0, xx: inverse)
    }

    /// The place from which (y, x) is taken, both relative to the centre.
    func source(y: Float, x: Float) -> (y: Float, x: Float) {
        let fromY0 = yy * y
        let fromY1 = yx * x
        let fromX0 = xy * y
        let fromX1 = xx * x
        return (fromY0 + fromY1, fromX0 + fromX1)
    }
}
