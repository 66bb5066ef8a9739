import NIOCore
import SecamBase
import Synchronization

/// The limits that all connections of one user share, so that a user with thirty connections gets no more of the gateway
/// than one with a few.
final class UserQuota: Sendable {
    /// A rate was exceeded.
    struct Refusal: Error, CustomStringConvertible {
        /// The counted things, in the plural.
        let countedThings: String
        let perSecond: Int

        var description: String { "more than \(perSecond) \(countedThings) a second from all connections of this user" }
    }

    private struct State {
        var bytes: TokenBucket
        var messages: TokenBucket
        var watches: TokenBucket
        var queries: TokenBucket
        var openQueries = 0
        var openReplays = 0
        /// Bytes of large frames and of search results that wait for the user's connections.
        var waitingBytes = 0
    }

    private let limits: ViewerLimits
    private let state: Mutex<State>

    init(limits: ViewerLimits, at now: NIODeadline) {
        self.limits = limits
        let now = MonotonicTime(now)
        state = Mutex(
            State(
                bytes: TokenBucket(perSecond: limits.userBytesPerSecond, burst: limits.userByteBurst, at: now),
                messages: TokenBucket(
                    perSecond: 2 * limits.messagesPerSecond, burst: 2 * limits.messageBurst, at: now),
                watches: TokenBucket(perSecond: limits.userWatchesPerSecond, burst: limits.userWatchBurst, at: now),
                queries: TokenBucket(
                    perSecond: 2 * limits.queriesPerSecond, burst: 2 * limits.queryBurst, at: now)))
    }

    /// Counts the bytes of one read. A read has a minimum cost, however few bytes it returns.
    func countRead(of bytes: Int, at now: NIODeadline) throws(Refusal) {
        try consume(max(bytes, ViewerLimits.readCost), from: \.bytes, "bytes", at: now)
    }

    func countMessage(at now: NIODeadline) throws(Refusal) { try consume(from: \.messages, "messages", at: now) }

    /// Counts a WATCH or UNWATCH message. Each WATCH may be answered with a frame.
    func countWatch(at now: NIODeadline) throws(Refusal) {
        try consume(from: \.watches, "WATCH and UNWATCH messages", at: now)
    }

    func countQuery(at now: NIODeadline) throws(Refusal) { try consume(from: \.queries, "queries", at: now) }

    private func consume(
        _ count: Int = 1, from bucket: WritableKeyPath<State, TokenBucket>, _ countedThings: String, at now: NIODeadline
    ) throws(Refusal) {
        let now = MonotonicTime(now)
        let refusal = state.withLock { state in
            state[keyPath: bucket].consume(count, at: now)
                ? nil : Refusal(countedThings: countedThings, perSecond: state[keyPath: bucket].perSecond)
        }
        if let refusal { throw refusal }
    }

    /// Whether so many more bytes may wait for the user's connections, which may have stopped reading.
    func hasRoom(for bytes: Int) -> Bool {
        state.withLock { $0.waitingBytes == 0 || $0.waitingBytes + bytes <= ViewerLimits.userWaitingBytes }
    }

    func addWaiting(_ bytes: Int) { state.withLock { $0.waitingBytes += bytes } }

    func removeWaiting(_ bytes: Int) { state.withLock { $0.waitingBytes -= bytes } }

    /// - Returns: false when the user has the maximum of unanswered queries.
    func openQuery() -> Bool {
        state.withLock { state in
            guard state.openQueries < limits.userQueries else { return false }
            state.openQueries += 1
            return true
        }
    }

    func closeQuery() { state.withLock { $0.openQueries -= 1 } }

    /// - Returns: false when the user has the maximum of replays.
    func openReplay() -> Bool {
        state.withLock { state in
            guard state.openReplays < limits.userReplays else { return false }
            state.openReplays += 1
            return true
        }
    }

    func closeReplays(_ count: Int = 1) { state.withLock { $0.openReplays -= count } }
}
