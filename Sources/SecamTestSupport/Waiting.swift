/// Looks again and again until the condition holds.
///
/// - Parameter limit: after which it is given up; generous, since a machine may be busy with something else.
/// - Returns: whether it came to hold.
public func waitUntil(
    within limit: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return try await condition()
}
