/// A limit on the audit lines that peers can cause.
///
/// In each window, the first events of a source have lines of their own, and so has the first event of each of its places.
/// All others are counted, and written at the end of the window as one summary per place.
struct AuditSummaries: Sendable {
    /// Limits of one window.
    struct Limits: Sendable {
        /// Single lines of one source.
        let linesPerSource: Int
        /// Single lines of all sources together.
        let lines: Int
        /// Sources with summaries of their own. All others share one.
        let sources: Int
        /// Places of one source that always get a line for their first event of a kind, and that have summaries of their
        /// own. All other places of the source share one.
        let placesPerSource: Int

        static let refusals = Limits(linesPerSource: 10, lines: 200, sources: 256, placesPerSource: 0)
        static let logins = Limits(linesPerSource: 30, lines: 1000, sources: 1024, placesPerSource: 256)
    }

    /// A count of events without lines of their own.
    struct Summary: Sendable, Equatable {
        let event: AuditEvent
        /// Empty when the events have different users.
        private(set) var user: String
        let address: String
        /// Empty when the events have different reasons.
        private(set) var reason: String
        private(set) var count = 1
        /// When the first event happened, UTC microseconds.
        let since: Int64

        init(event: AuditEvent, user: String, address: String, reason: String, since: Int64) {
            self.event = event
            self.user = user
            self.address = address
            self.reason = reason
            self.since = since
        }

        mutating func add(user: String, reason: String) {
            if user != self.user { self.user = "" }
            if reason != self.reason { self.reason = "" }
            count += 1
        }
    }

    private struct Place: Hashable {
        let event: AuditEvent
        let name: String
    }

    private struct Key: Hashable {
        let event: AuditEvent
        let source: String
        let address: String
    }

    static let window = Duration.seconds(600)
    /// The name of all sources, and of all places of a source, beyond the limit.
    static let others = "others"

    private let limits: Limits
    private var start: ContinuousClock.Instant?
    private var lines = 0
    private var linesBySource: [String: Int] = [:]
    private var placesBySource: [String: Set<Place>] = [:]
    private var summaries: [Key: Summary] = [:]
    private var order: [Key] = []

    init(_ limits: Limits) { self.limits = limits }

    enum Verdict: Equatable {
        /// The event gets a line of its own.
        case line
        /// The event was added to a summary.
        case counted
    }

    /// Records an event.
    ///
    /// - Parameters:
    ///   - source: the network or user whose events share a budget.
    ///   - address: the place, which the summary names.
    ///   - time: UTC microseconds.
    mutating func record(
        _ event: AuditEvent, source: String, user: String, address: String, reason: String, time: Int64
    ) -> Verdict {
        let isListed = linesBySource[source] != nil || linesBySource.count < limits.sources
        let source = isListed ? source : Self.others
        let place = Place(event: event, name: address)
        var isKnown = placesBySource[source]?.contains(place) ?? false
        if !isKnown, placesBySource[source, default: []].count < limits.placesPerSource {
            placesBySource[source, default: []].insert(place)
            linesBySource[source, default: 0] += 1
            return .line
        }
        if limits.placesPerSource == 0 { isKnown = isListed }
        if lines < limits.lines, linesBySource[source, default: 0] < limits.linesPerSource {
            lines += 1
            linesBySource[source, default: 0] += 1
            return .line
        }
        linesBySource[source, default: 0] += 0
        let key = Key(event: event, source: source, address: isKnown ? address : Self.others)
        if summaries[key] == nil {
            order.append(key)
            summaries[key] = Summary(
                event: event, user: user, address: key.address, reason: reason, since: time)
        } else {
            summaries[key]!.add(user: user, reason: reason)
        }
        return .counted
    }

    /// Starts a window unless one is open.
    ///
    /// - Returns: whether a window was started; `takeSummaries` is then due after `window`.
    mutating func startWindow(at now: ContinuousClock.Instant) -> Bool {
        guard start == nil else { return false }
        start = now
        return true
    }

    /// Returns whether the open window has ended.
    func isOver(at now: ContinuousClock.Instant) -> Bool { start.map { now - $0 >= Self.window } ?? false }

    /// Closes the window and returns its summaries.
    mutating func takeSummaries() -> [Summary] {
        defer { self = AuditSummaries(limits) }
        return order.compactMap { summaries[$0] }
    }
}
