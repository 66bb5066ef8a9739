import Dispatch
import SecamWire
import Synchronization

/// Connects for one answer, such as the list of cameras or one frame, and leaves.
final class CameraQuery<Answer: Sendable>: Sendable {
    private enum Outcome: Sendable {
        case answer(Answer)
        case failed(ClientError)
    }

    private let outcome = Mutex<Outcome?>(nil)
    private let ended = DispatchSemaphore(value: 0)
    private let pick: @Sendable (GatewayEvent) throws(ClientError) -> Answer?

    /// - Parameter pick: the answer, as soon as an event holds it.
    init(_ pick: @escaping @Sendable (GatewayEvent) throws(ClientError) -> Answer?) {
        self.pick = pick
    }

    /// - Parameter late: the error after `seconds` without an answer.
    func run(
        _ login: GatewayLogin, _ settings: ViewerConnection.Settings, seconds: Int, late: () -> ClientError
    ) throws(ClientError) -> Answer {
        let client = try login.client(settings, reconnects: false) { self.handle($0) }
        client.start()
        let isLate = ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut
        client.stop()
        switch outcome.withLock({ $0 }) {
        case .answer(let answer): return answer
        case .failed(let error): throw error
        case nil: throw isLate ? late() : .noAnswer(server: login.server, seconds: seconds)
        }
    }

    private func handle(_ event: GatewayEvent) {
        do throws(ClientError) {
            if let answer = try pick(event) {
                end(.answer(answer))
            } else if case .state(.failed(let error)) = event {
                throw error
            }
        } catch {
            end(.failed(error))
        }
    }

    private func end(_ first: Outcome) {
        let isFirst = outcome.withLock { outcome in
            guard outcome == nil else { return false }
            outcome = first
            return true
        }
        if isFirst { ended.signal() }
    }
}
