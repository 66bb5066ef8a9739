import NIOCore
import Synchronization

/// What all connections of one user may ask of the gateway together, so that a user with thirty connections gets no
/// more of it than one with a few.
final class UserQuota: Sendable {
    /// A rate was exceeded.
    struct Refusal: Error, CustomStringConvertible {
        /// What there was too much of.
        let what: String
        let perSecond: Int

        var description: String { "more than \(perSecond) \(what) a second from all connections of this user" }
    }

    private struct State {
        var bytes: TokenBucket
        var messages: TokenBucket
        var watches: TokenBucket
        var questions: TokenBucket
        var openQuestions = 0
        var replays = 0
    }

    private let limits: ViewerLimits
    private let state: Mutex<State>

    init(limits: ViewerLimits, at now: NIODeadline) {
        self.limits = limits
        state = Mutex(
            State(
                bytes: TokenBucket(perSecond: limits.userBytesPerSecond, burst: limits.userByteBurst, at: now),
                messages: TokenBucket(
                    perSecond: 2 * limits.messagesPerSecond, burst: 2 * limits.messageBurst, at: now),
                watches: TokenBucket(perSecond: limits.userWatchesPerSecond, burst: limits.userWatchBurst, at: now),
                questions: TokenBucket(
                    perSecond: 2 * limits.questionsPerSecond, burst: 2 * limits.questionBurst, at: now)))
    }

    /// Bytes that came in one read, which costs something however few they are.
    func takeRead(of bytes: Int, at now: NIODeadline) throws(Refusal) {
        try take(max(bytes, ViewerLimits.readCost), from: \.bytes, "bytes", at: now)
    }

    func takeMessage(at now: NIODeadline) throws(Refusal) { try take(from: \.messages, "messages", at: now) }

    /// A WATCH or UNWATCH: each may be answered with a frame.
    func takeWatch(at now: NIODeadline) throws(Refusal) { try take(from: \.watches, "WATCH and UNWATCH", at: now) }

    func takeQuestion(at now: NIODeadline) throws(Refusal) { try take(from: \.questions, "questions", at: now) }

    private func take(
        _ count: Int = 1, from bucket: WritableKeyPath<State, TokenBucket>, _ what: String, at now: NIODeadline
    ) throws(Refusal) {
        let refusal = state.withLock { state in
            state[keyPath: bucket].take(count, at: now)
                ? nil : Refusal(what: what, perSecond: state[keyPath: bucket].perSecond)
        }
        if let refusal { throw refusal }
    }

    /// - Returns: false when as many questions as a user may have are not answered yet.
    func openQuestion() -> Bool {
        state.withLock { state in
            guard state.openQuestions < limits.userQuestions else { return false }
            state.openQuestions += 1
            return true
        }
    }

    func closeQuestion() { state.withLock { $0.openQuestions -= 1 } }

    /// - Returns: false when the user has as many replays as may be.
    func openReplay() -> Bool {
        state.withLock { state in
            guard state.replays < limits.userReplays else { return false }
            state.replays += 1
            return true
        }
    }

    func closeReplays(_ count: Int = 1) { state.withLock { $0.replays -= count } }
}
