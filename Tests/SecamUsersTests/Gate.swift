import Dispatch
import GRDB

@testable import SecamUsers

/// A gate that holds threads until it is opened, and then waits for them.
final class Gate: Sendable {
    private let opened = DispatchGroup()
    private let done = DispatchSemaphore(value: 0)

    init() { opened.enter() }

    func open() { opened.leave() }

    func wait() { opened.wait() }

    func finished() { done.signal() }

    func waitForFinished(_ count: Int) {
        for _ in 0..<count { done.wait() }
    }
}

extension AuthenticatorTests {
    /// The hashes of device tokens in the accounts' file.
    func storedDevices() throws -> [String] {
        try DatabaseQueue(path: store.path).read { try String.fetchAll($0, sql: "SELECT tokenHash FROM device") }
    }

    func damageHash() throws {
        try DatabaseQueue(path: store.path).write { try $0.execute(sql: "UPDATE user SET passwordHash = '$scrypt$'") }
    }
}
