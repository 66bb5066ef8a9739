import NIOCore
import Synchronization

/// What all connections of one user may ask of the gateway together, so that a user with thirty connections gets no
/// more of it than one with a few.
final class UserShare: Sendable {
    enum Refusal: Error, Equatable {
        case bytes(perSecond: Int)
        case messages(perSecond: Int)
        case watches(perSecond: Int)
        case questions(perSecond: Int)
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
        let isTaken = state.withLock { $0.bytes.take(max(bytes, ViewerLimits.readCost), at: now) }
        guard isTaken else { throw .bytes(perSecond: limits.userBytesPerSecond) }
    }

    func takeMessage(at now: NIODeadline) throws(Refusal) {
        guard state.withLock({ $0.messages.take(at: now) }) else {
            throw .messages(perSecond: 2 * limits.messagesPerSecond)
        }
    }

    /// A WATCH or UNWATCH: each may be answered with a frame.
    func takeWatch(at now: NIODeadline) throws(Refusal) {
        guard state.withLock({ $0.watches.take(at: now) }) else {
            throw .watches(perSecond: limits.userWatchesPerSecond)
        }
    }

    func takeQuestion(at now: NIODeadline) throws(Refusal) {
        guard state.withLock({ $0.questions.take(at: now) }) else {
            throw .questions(perSecond: 2 * limits.questionsPerSecond)
        }
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

extension UserShare.Refusal: CustomStringConvertible {
    var description: String {
        switch self {
        case .bytes(let rate): "more than \(rate) bytes a second from all connections of this user"
        case .messages(let rate): "more than \(rate) messages a second from all connections of this user"
        case .watches(let rate): "more than \(rate) WATCH and UNWATCH a second from all connections of this user"
        case .questions(let rate): "more than \(rate) questions a second from all connections of this user"
        }
    }
}
