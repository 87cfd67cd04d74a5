internal import LockstepCollectives

/// Decides from one trial to the next how gradients will travel: whether loops stay awake, how many links there are, where
/// the gradient is cut into buckets. Results in, the next trial or the choice out.
package struct ExchangeTuning: Sendable, Equatable {
    /// Among whom, and where.
    package struct Circumstances: Sendable, Equatable {
        /// Floats in the flat gradient.
        package var elementCount: Int
        package var members: Int
        package var wish: ExchangeWish
        /// The links that every member can make, at least 1.
        package var offeredLinks: Int
        /// The cores that every member has to itself beyond those of its compute threads.
        package var spareCores: Int
        /// Members that share a core, at the busiest place; 1 where each has one.
        package var crowding: Int
        /// Whether all is measured, however little there is to gain.
        package var isThorough: Bool

        package init(
            elementCount: Int, members: Int, wish: ExchangeWish = ExchangeWish(), offeredLinks: Int = 1,
            spareCores: Int = 0, crowding: Int = 1, isThorough: Bool = false
        ) {
            self.elementCount = elementCount
            self.members = members
            self.wish = wish
            self.offeredLinks = max(1, offeredLinks)
            self.spareCores = spareCores
            self.crowding = max(1, crowding)
            self.isThorough = isThorough
        }
    }

    private enum Question: Sendable, Equatable {
        case latency(staysAwake: Bool)
        case bandwidth(links: Int)
    }

    /// Floats of the small vector, 1 KiB, and of the large one at most, 4 MiB.
    private static let smallElements = 256
    private static let largestElements = 1 << 20
    /// A gradient of so many bytes is summed in one piece.
    package static let smallBytes = 65_536
    /// What a trial may take, in seconds, where that can be foreseen.
    private static let budget = 0.06
    /// Bytes a second that a member is taken to send before anything is measured.
    private static let assumedBytesPerSecond = 0.5e9
    /// What is not faster by this factor is not worth a change.
    private static let worth = 0.95

    package let circumstances: Circumstances
    private var questions: [Question] = []
    private var results: [TrialResult] = []
    private var settings: ExchangeSettings
    private var latency: TrialResult?
    private var bandwidth: TrialResult?

    package init(_ circumstances: Circumstances) {
        self.circumstances = circumstances
        let wish = circumstances.wish
        let floats = circumstances.elementCount
        settings = ExchangeSettings(
            bucketBoundaries: wish.boundaries(elementCount: floats),
            links: circumstances.members > 1 ? wish.links ?? 1 : 1)
        guard circumstances.members > 1, floats > 0 else { return }
        let isDecided = wish.links != nil && wish.bucketBytes != nil
        let mayStayAwake = circumstances.spareCores >= settings.links
        guard circumstances.isThorough || (!isDecided && (isLarge || mayStayAwake)) else { return }
        questions = [.latency(staysAwake: false)] + (mayStayAwake ? [.latency(staysAwake: true)] : [])
        guard circumstances.isThorough || isLarge else { return }
        questions.append(.bandwidth(links: settings.links))
        guard wish.links == nil, isLarge else { return }
        var links = 2
        while links <= min(circumstances.offeredLinks, ExchangeWish.mostTriedLinks) {
            questions.append(.bandwidth(links: links))
            links *= 2
        }
    }

    /// The most links of all trials.
    package var mostLinks: Int {
        questions.reduce(settings.links) { most, question in
            if case .bandwidth(let links) = question { max(most, links) } else { most }
        }
    }

    /// What to measure next; nil where all is decided.
    package var trial: Trial? {
        guard let question = questions.first else { return nil }
        switch question {
        case .latency(let staysAwake):
            return Trial(
                settings: ExchangeSettings(links: settings.links, staysAwake: staysAwake),
                elementCount: ExchangeTuning.smallElements, rounds: rounds(ExchangeTuning.smallElements, most: 60),
                warmUpRounds: 5, computeSteps: results.isEmpty && needsTimeline ? 3 : 0)
        case .bandwidth(let links):
            var settings = settings
            settings.links = links
            settings.bucketBoundaries = []
            let floats = min(circumstances.elementCount, ExchangeTuning.largestElements)
            settings.chunkBytes = chunkBytes(floats: floats, links: links)
            return Trial(
                settings: settings, elementCount: floats, rounds: rounds(floats, most: 25), warmUpRounds: 1)
        }
    }

    private var needsTimeline: Bool { circumstances.isThorough || circumstances.wish.bucketBytes == nil }

    /// A small gradient gains nothing from a cut, nor from a second link.
    private var isLarge: Bool { 4 * circumstances.elementCount > ExchangeTuning.smallBytes }

    /// As many as the budget allows, from what is known so far.
    private func rounds(_ floats: Int, most: Int) -> Int {
        let sent = BucketForecast.bytesSent(
            4 * floats, members: circumstances.members, oneHopBytes: settings.oneHopBytes)
        let guess = Double(circumstances.crowding) * (50e-6 + sent / ExchangeTuning.assumedBytesPerSecond)
        let known = results.last { $0.trial.elementCount == floats }?.median
        return min(most, max(3, Int(ExchangeTuning.budget / max(known ?? guess, 1e-6))))
    }

    private func chunkBytes(floats: Int, links: Int) -> Int {
        ExchangeSettings.chunkBytes(floats: floats / max(1, links), members: circumstances.members)
    }

    // MARK: Results

    /// - Parameter result: of `trial`.
    package mutating func take(_ result: TrialResult) {
        guard !questions.isEmpty else { return }
        results.append(result)
        switch questions.removeFirst() {
        case .latency(let staysAwake):
            guard latency.map({ result.median < ExchangeTuning.worth * $0.median }) ?? true else { return }
            latency = result
            settings.staysAwake = staysAwake
        case .bandwidth(let links):
            guard bandwidth.map({ result.median < ExchangeTuning.worth * $0.median }) ?? true else { return }
            bandwidth = result
            settings.links = links
            // Loops that outnumber the spare cores would poll on those of the computation.
            if links > circumstances.spareCores { settings.staysAwake = false }
        }
    }

    /// The choice, from what is known so far.
    package var outcome: TunedExchange {
        var settings = settings
        let timeline = timeline
        let forecast = forecast
        if circumstances.wish.bucketBytes == nil, isLarge, let forecast {
            settings.bucketBoundaries = forecast.bestBoundaries(timeline: timeline)
        }
        settings.chunkBytes = chunkBytes(floats: largestBucket(settings), links: settings.links)
        return TunedExchange(
            settings: settings, trials: results, latencySeconds: latency?.median ?? 0,
            bytesPerSecond: bandwidth.map { Double($0.trial.byteCount) / max($0.median, 1e-9) } ?? 0,
            timeline: timeline, buckets: forecast?.buckets(settings.bucketBoundaries, timeline: timeline) ?? [])
    }

    private func largestBucket(_ settings: ExchangeSettings) -> Int {
        let cuts = [0] + settings.bucketBoundaries + [circumstances.elementCount]
        return zip(cuts, cuts.dropFirst()).map { $1 - $0 }.max() ?? 0
    }

    /// At each point of any member's timeline the time of the slowest member.
    private var timeline: [GradientPoint] {
        let timelines = results.first?.members.map(\.measured.timeline) ?? []
        guard !timelines.isEmpty, timelines.allSatisfy({ $0.last?.floats == circumstances.elementCount }) else {
            return []
        }
        let places = timelines.flatMap { $0.map(\.floats) }.sorted()
        var points: [GradientPoint] = []
        for floats in places where floats != points.last?.floats {
            let seconds = timelines.compactMap { points in points.first { $0.floats >= floats }?.seconds }.max() ?? 0
            points.append(GradientPoint(floats: floats, seconds: seconds))
        }
        return points
    }

    private var forecast: BucketForecast? {
        guard !timeline.isEmpty, let latency, latency.median > 0 else { return nil }
        let members = circumstances.members
        func sent(_ result: TrialResult) -> Double {
            BucketForecast.bytesSent(
                result.trial.byteCount, members: members, oneHopBytes: result.trial.settings.oneHopBytes)
        }
        var forecast = BucketForecast(
            latencySeconds: latency.median, bytesPerSecond: ExchangeTuning.assumedBytesPerSecond, stallSeconds: 0,
            stallSecondsPerByte: 0, members: members, oneHopBytes: settings.oneHopBytes)
        if let bandwidth, bandwidth.median > latency.median {
            forecast.bytesPerSecond = sent(bandwidth) / (bandwidth.median - latency.median)
        }
        guard circumstances.spareCores < settings.links else { return forecast }
        // The computation goes without what the exchange needs; where that is not known, without all of its time.
        let small = latency.processorSeconds > 0 ? min(latency.processorSeconds, latency.median) : latency.median / 2
        forecast.stallSeconds = small
        let perByte = 1 / forecast.bytesPerSecond
        if let bandwidth, bandwidth.processorSeconds > small {
            forecast.stallSecondsPerByte = min(perByte, (bandwidth.processorSeconds - small) / sent(bandwidth))
        } else {
            forecast.stallSecondsPerByte = perByte
        }
        return forecast
    }
}
