/// How long what must come is waited for, where time is not what a test is about. A machine may be so busy that tests stand
/// still for minutes; only a test that fails waits so long.
package enum Patience {
    /// Of the product's own deadlines.
    package static let minutes = 15
    package static let duration = Duration.seconds(60 * minutes)
    /// Of a whole test: more, so that a deadline is heard of first.
    package static let minutesOfTest = 20
}
