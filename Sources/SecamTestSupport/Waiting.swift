/// Polls a condition until it is true.
///
/// - Parameter limit: time after which it gives up; generous, since the machine may be busy.
/// - Returns: whether the condition became true.
package func waitUntil(
    within limit: Duration = .seconds(300), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return try await condition()
}

/// The reason why a test cannot continue.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Polls until there is a value, at longer intervals than `waitUntil`, since looking at other processes is expensive.
///
/// - Parameter what: the awaited state, for the failure's text.
package func eventually<Value>(
    _ what: String, seconds: Int = 300, _ poll: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while true {
        if let value = try await poll() { return value }
        guard ContinuousClock.now < end else { throw TestFailure("not within \(seconds) s: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Polls until a condition is true.
package func eventually(_ what: String, seconds: Int = 300, _ condition: () async throws -> Bool) async throws {
    let _: Bool = try await eventually(what, seconds: seconds) { try await condition() ? true : nil }
}
