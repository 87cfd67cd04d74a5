/// One way to write a digit: the path of the pen, before anything random happens to it.
///
/// Points are (x, y) in a box from (0, 0), top left, to (1, 1), bottom right.
struct GlyphSkeleton {
    /// What the pen draws without being lifted.
    enum Stroke {
        /// Straight from point to point.
        case line([SIMD2<Float>])
        /// Smoothly through all points.
        case curve([SIMD2<Float>])
    }

    let strokes: [Stroke]

    private init(_ strokes: Stroke...) { self.strokes = strokes }

    /// The ways to write each digit. One of them is chosen for an image, all alike.
    static let ofDigit: [[GlyphSkeleton]] = [zero, one, two, three, four, five, six, seven, eight, nine]

    private static let zero = [
        // Closed at the top.
        GlyphSkeleton(
            .curve([
                [0.50, 0.01], [0.25, 0.14], [0.14, 0.50], [0.25, 0.86], [0.50, 0.99], [0.75, 0.86], [0.86, 0.50],
                [0.75, 0.14], [0.50, 0.01],
            ])),
        // Begun at the upper right, with the end running past the beginning.
        GlyphSkeleton(
            .curve([
                [0.66, 0.08], [0.36, 0.05], [0.17, 0.36], [0.18, 0.72], [0.44, 0.98], [0.75, 0.83], [0.84, 0.45],
                [0.68, 0.13], [0.44, 0.05],
            ])),
        // Left open at the top.
        GlyphSkeleton(
            .curve([
                [0.42, 0.04], [0.20, 0.22], [0.15, 0.58], [0.30, 0.92], [0.60, 0.97], [0.84, 0.70], [0.82, 0.30],
                [0.58, 0.04],
            ])),
    ]

    private static let one = [
        // A bare stroke.
        GlyphSkeleton(.line([[0.50, 0.00], [0.50, 1.00]])),
        // A stroke with a bend.
        GlyphSkeleton(.curve([[0.56, 0.00], [0.50, 0.45], [0.47, 1.00]])),
        // With a serif.
        GlyphSkeleton(.line([[0.30, 0.22], [0.54, 0.00], [0.52, 1.00]])),
        // With a serif and a base.
        GlyphSkeleton(.line([[0.32, 0.20], [0.52, 0.00], [0.52, 1.00]]), .line([[0.26, 1.00], [0.78, 0.99]])),
    ]

    private static let two = [
        // With a flat base.
        GlyphSkeleton(
            .curve([
                [0.18, 0.26], [0.30, 0.05], [0.56, 0.00], [0.78, 0.16], [0.74, 0.42], [0.48, 0.70], [0.17, 0.98],
            ]),
            .line([[0.17, 0.98], [0.86, 0.97]])),
        // With a loop.
        GlyphSkeleton(
            .curve([
                [0.18, 0.22], [0.40, 0.02], [0.72, 0.08], [0.78, 0.34], [0.56, 0.68], [0.30, 0.93], [0.15, 0.87],
                [0.28, 0.76], [0.52, 0.88], [0.72, 0.97], [0.90, 0.88],
            ])),
        // Nearly a z.
        GlyphSkeleton(
            .curve([[0.20, 0.12], [0.52, 0.02], [0.80, 0.10], [0.70, 0.38], [0.18, 0.96]]),
            .line([[0.18, 0.96], [0.84, 0.94]])),
    ]

    private static let three = [
        // Two bows.
        GlyphSkeleton(
            .curve([[0.20, 0.15], [0.45, 0.00], [0.75, 0.11], [0.72, 0.36], [0.44, 0.47]]),
            .curve([[0.44, 0.47], [0.76, 0.56], [0.83, 0.78], [0.60, 0.98], [0.32, 0.97], [0.14, 0.83]])),
        // With a flat top.
        GlyphSkeleton(
            .line([[0.20, 0.03], [0.79, 0.03], [0.46, 0.40]]),
            .curve([[0.46, 0.40], [0.78, 0.52], [0.81, 0.80], [0.50, 0.99], [0.16, 0.86]])),
        // With a small loop in the middle.
        GlyphSkeleton(
            .curve([
                [0.22, 0.10], [0.52, 0.00], [0.76, 0.17], [0.60, 0.42], [0.40, 0.48], [0.44, 0.39], [0.66, 0.50],
                [0.80, 0.72], [0.60, 0.97], [0.32, 0.99], [0.14, 0.88],
            ])),
    ]

    private static let four = [
        // Open, with corners.
        GlyphSkeleton(.line([[0.27, 0.00], [0.16, 0.56], [0.86, 0.56]]), .line([[0.68, 0.10], [0.66, 1.00]])),
        // Closed.
        GlyphSkeleton(.line([[0.64, 1.00], [0.64, 0.00], [0.12, 0.66], [0.90, 0.66]])),
        // Open, with a bow.
        GlyphSkeleton(
            .curve([[0.22, 0.02], [0.16, 0.30], [0.26, 0.52], [0.50, 0.56], [0.76, 0.48]]),
            .curve([[0.80, 0.02], [0.75, 0.50], [0.70, 1.00]])),
        // Closed, with a short bar.
        GlyphSkeleton(.line([[0.56, 0.02], [0.18, 0.60], [0.82, 0.58]]), .line([[0.60, 0.00], [0.62, 1.00]])),
    ]

    private static let five = [
        // With corners.
        GlyphSkeleton(
            .line([[0.80, 0.02], [0.28, 0.02], [0.24, 0.44]]),
            .curve([[0.24, 0.44], [0.52, 0.36], [0.80, 0.52], [0.81, 0.80], [0.54, 0.98], [0.16, 0.90]])),
        // With the roof written last, apart from the rest.
        GlyphSkeleton(
            .curve([
                [0.32, 0.06], [0.24, 0.42], [0.50, 0.38], [0.78, 0.54], [0.78, 0.80], [0.50, 0.99], [0.18, 0.92],
            ]),
            .line([[0.34, 0.04], [0.86, 0.00]])),
        // Nearly an s.
        GlyphSkeleton(
            .curve([
                [0.80, 0.07], [0.44, 0.04], [0.24, 0.24], [0.40, 0.44], [0.70, 0.55], [0.80, 0.78], [0.50, 0.98],
                [0.18, 0.90],
            ])),
    ]

    private static let six = [
        // With a bowed back.
        GlyphSkeleton(
            .curve([
                [0.70, 0.02], [0.40, 0.20], [0.20, 0.56], [0.25, 0.88], [0.50, 0.99], [0.77, 0.86], [0.75, 0.62],
                [0.50, 0.51], [0.24, 0.68],
            ])),
        // With a straight back.
        GlyphSkeleton(
            .curve([
                [0.60, 0.00], [0.36, 0.34], [0.21, 0.70], [0.35, 0.97], [0.65, 0.95], [0.79, 0.74], [0.60, 0.56],
                [0.28, 0.68],
            ])),
        // Curled, with a large loop.
        GlyphSkeleton(
            .curve([
                [0.78, 0.14], [0.56, 0.01], [0.29, 0.20], [0.17, 0.58], [0.30, 0.92], [0.60, 0.98], [0.80, 0.76],
                [0.62, 0.52], [0.36, 0.54], [0.20, 0.70],
            ])),
    ]

    private static let seven = [
        // Plain.
        GlyphSkeleton(.line([[0.15, 0.04], [0.84, 0.04], [0.42, 1.00]])),
        // With a bar.
        GlyphSkeleton(.line([[0.15, 0.04], [0.84, 0.04], [0.44, 1.00]]), .line([[0.32, 0.50], [0.80, 0.48]])),
        // With a bowed stem.
        GlyphSkeleton(
            .line([[0.15, 0.07], [0.82, 0.04]]), .curve([[0.82, 0.04], [0.60, 0.38], [0.48, 0.70], [0.44, 1.00]])),
        // With a serif.
        GlyphSkeleton(.line([[0.15, 0.22], [0.17, 0.04], [0.84, 0.04], [0.38, 1.00]])),
    ]

    private static let eight = [
        // In one stroke, crossing itself.
        GlyphSkeleton(
            .curve([
                [0.72, 0.12], [0.46, 0.00], [0.23, 0.16], [0.36, 0.40], [0.66, 0.57], [0.79, 0.80], [0.50, 0.99],
                [0.21, 0.80], [0.36, 0.58], [0.66, 0.38], [0.77, 0.20], [0.68, 0.08],
            ])),
        // Two rings.
        GlyphSkeleton(
            .curve([
                [0.50, 0.00], [0.27, 0.12], [0.28, 0.35], [0.50, 0.46], [0.72, 0.35], [0.73, 0.12], [0.50, 0.00],
            ]),
            .curve([
                [0.50, 0.46], [0.22, 0.60], [0.19, 0.86], [0.50, 1.00], [0.81, 0.86], [0.78, 0.60], [0.50, 0.46],
            ])),
        // In one stroke, left open at the upper right.
        GlyphSkeleton(
            .curve([
                [0.80, 0.08], [0.50, 0.02], [0.27, 0.20], [0.44, 0.44], [0.72, 0.66], [0.72, 0.90], [0.46, 0.99],
                [0.24, 0.82], [0.40, 0.56], [0.68, 0.34], [0.80, 0.16],
            ])),
    ]

    private static let nine = [
        // With a straight stem.
        GlyphSkeleton(
            .curve([
                [0.76, 0.22], [0.60, 0.02], [0.32, 0.06], [0.20, 0.28], [0.38, 0.48], [0.64, 0.42], [0.77, 0.20],
            ]),
            .line([[0.77, 0.06], [0.73, 1.00]])),
        // With a curved tail.
        GlyphSkeleton(
            .curve([
                [0.76, 0.20], [0.56, 0.01], [0.28, 0.10], [0.22, 0.32], [0.42, 0.48], [0.68, 0.38], [0.77, 0.18],
                [0.77, 0.56], [0.64, 0.90], [0.32, 0.97],
            ])),
        // In one stroke with a slanting stem.
        GlyphSkeleton(
            .curve([[0.75, 0.10], [0.46, 0.00], [0.22, 0.20], [0.30, 0.44], [0.60, 0.40], [0.77, 0.12]]),
            .curve([[0.77, 0.12], [0.66, 0.56], [0.50, 1.00]])),
    ]
}
