/// The largest recent value. Each smaller value lowers it by an eighth.
package struct RecentMaximum: Sendable {
    /// 0 before the first value.
    package private(set) var value = 0

    package init() {}

    package mutating func add(_ new: Int) { value = max(new, value / 8 * 7) }
}
