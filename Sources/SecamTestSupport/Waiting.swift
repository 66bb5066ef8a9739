/// Looks again and again until the condition holds.
///
/// - Parameter limit: after which it is given up; generous, since a machine may be busy with something else.
/// - Returns: whether it came to hold.
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

/// Why a test cannot go on.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Waits until there is a value, and throws when there is none in the end. For what other processes do, which costs
/// more to look at.
///
/// - Parameter what: what is waited for, for the failure's text.
package func eventually<Value>(
    _ what: String, seconds: Int = 300, _ look: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while true {
        if let value = try await look() { return value }
        guard ContinuousClock.now < end else { throw TestFailure("not within \(seconds) s: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// The same for a condition without a value.
package func eventually(_ what: String, seconds: Int = 300, _ condition: () async throws -> Bool) async throws {
    let _: Bool = try await eventually(what, seconds: seconds) { try await condition() ? true : nil }
}
