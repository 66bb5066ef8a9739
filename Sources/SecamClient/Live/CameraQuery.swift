import Dispatch
import SecamBase
import SecamWire
import Synchronization

/// A connection for one answer, such as the list of cameras or one frame.
final class CameraQuery<Answer: Sendable>: Sendable {
    private enum Outcome: Sendable {
        case answer(Answer)
        case failed(ClientError)
    }

    private let outcome = Mutex<Outcome?>(nil)
    private let ended = DispatchSemaphore(value: 0)
    private let pick: @Sendable (GatewayEvent) throws(ClientError) -> Answer?

    /// - Parameter pick: returns the answer when an event contains it, else `nil`.
    init(_ pick: @escaping @Sendable (GatewayEvent) throws(ClientError) -> Answer?) {
        self.pick = pick
    }

    /// - Parameter timeoutError: the error when there is no answer within `timeout`; by default `noAnswer`.
    func run(
        _ login: GatewayLogin, _ settings: ViewerConnection.Settings, timeout: Duration,
        timeoutError: (() -> ClientError)? = nil
    ) throws(ClientError) -> Answer {
        let client = try login.client(settings, reconnects: false) { self.handle($0) }
        client.start()
        _ = ended.wait(timeout: .now() + .microseconds(Int(timeout.microseconds)))
        client.stop()
        switch outcome.withLock({ $0 }) {
        case .answer(let answer): return answer
        case .failed(let error): throw error
        case nil: throw timeoutError?() ?? .noAnswer(server: login.server, timeout: timeout)
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
