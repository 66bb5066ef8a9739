/// Bounds the audit lines that peers can cause: the first events of each source have lines of their own, and the first
/// one of each of its places, all others are counted and written as one line a place at the end of the window.
struct AuditSummaries: Sendable {
    /// What a window can write at most.
    struct Bounds: Sendable {
        /// Lines of their own that one source gets.
        let linesPerSource: Int
        /// Lines of their own that all sources get together.
        let lines: Int
        /// Sources with a summary of their own; all others share one.
        let sources: Int
        /// Places of one source whose first event of a kind has a line in any case, and which have a summary of their
        /// own; all others of the source share one.
        let placesPerSource: Int

        static let refusals = Bounds(linesPerSource: 10, lines: 200, sources: 256, placesPerSource: 0)
        static let logins = Bounds(linesPerSource: 30, lines: 1000, sources: 1024, placesPerSource: 256)
    }

    /// Events of one source that have no line of their own.
    struct Summary: Sendable, Equatable {
        let event: AuditEvent
        /// Empty where the events differ, as `reason`.
        private(set) var user: String
        let address: String
        private(set) var reason: String
        private(set) var count = 1
        /// When the first of them happened, UTC microseconds.
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
    /// Stands for sources, and for places of one, beyond the bound.
    static let others = "others"

    private let bounds: Bounds
    private var start: ContinuousClock.Instant?
    private var lines = 0
    private var linesBySource: [String: Int] = [:]
    private var placesBySource: [String: Set<Place>] = [:]
    private var summaries: [Key: Summary] = [:]
    private var order: [Key] = []

    init(_ bounds: Bounds) { self.bounds = bounds }

    enum Verdict: Equatable {
        /// The event has a line of its own.
        case line
        /// The event was counted.
        case counted
    }

    /// - Parameters:
    ///   - source: whose events share a budget.
    ///   - address: what a summary says for the source; where places count, of which place it is.
    ///   - time: UTC microseconds.
    mutating func record(
        _ event: AuditEvent, source: String, user: String, address: String, reason: String, time: Int64
    ) -> Verdict {
        let isListed = linesBySource[source] != nil || linesBySource.count < bounds.sources
        let source = isListed ? source : Self.others
        let place = Place(event: event, name: address)
        var isKnown = placesBySource[source]?.contains(place) ?? false
        if !isKnown, placesBySource[source, default: []].count < bounds.placesPerSource {
            placesBySource[source, default: []].insert(place)
            linesBySource[source, default: 0] += 1
            return .line
        }
        if bounds.placesPerSource == 0 { isKnown = isListed }
        if lines < bounds.lines, linesBySource[source, default: 0] < bounds.linesPerSource {
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

    /// Begins a window if none is under way.
    ///
    /// - Returns: whether it did; `takeSummaries` is due after `window`.
    mutating func beginWindow(at now: ContinuousClock.Instant) -> Bool {
        guard start == nil else { return false }
        start = now
        return true
    }

    /// Whether the window under way is over.
    func isOver(at now: ContinuousClock.Instant) -> Bool { start.map { now - $0 >= Self.window } ?? false }

    /// What was counted since the window began, which ends.
    mutating func takeSummaries() -> [Summary] {
        defer { self = AuditSummaries(bounds) }
        return order.compactMap { summaries[$0] }
    }
}
