import SecamWire

/// The entries that one archive sent in answer to one search. They bound the time from which its answer can be complete.
struct DeliveredEntries {
    private struct Kind {
        var count = 0
        /// UTC microseconds.
        var oldest = Int64.max

        mutating func add(_ start: Int64, before end: Int64) {
            guard start < end else { return }
            count += 1
            oldest = min(oldest, start)
        }
    }

    private var recordings = Kind()
    private var events = Kind()
    private var gaps = Kind()

    /// Counts the entries of the kinds that were searched for.
    mutating func add(_ found: Found, of search: Search) {
        if search.kinds.contains(.recordings) {
            for entry in found.recordings { recordings.add(entry.start, before: search.to) }
        }
        if search.kinds.contains(.events) {
            for entry in found.events { events.add(entry.event.start, before: search.to) }
        }
        if search.kinds.contains(.gaps) { for entry in found.gaps { gaps.add(entry.start, before: search.to) } }
    }

    /// Returns whether the search's limit explains an answer without the entries before `since`: the archive must have
    /// sent as many entries of one kind as the limit allows, all of which begin at `since` or later.
    ///
    /// - Parameter since: UTC microseconds.
    func supports(_ since: Int64, of search: Search?) -> Bool {
        guard let search else { return false }
        return [recordings, events, gaps].contains { $0.count >= Int(search.limit) && since <= $0.oldest }
    }
}
