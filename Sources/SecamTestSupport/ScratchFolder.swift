internal import Glibc
public import Foundation

/// A folder of its own for a test, gone with it.
public final class ScratchFolder: Sendable {
    public let path: String

    public init() throws {
        var template = Array("/tmp/secam-test.XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw TestFailure("no folder can be made in /tmp: errno \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    public func write(_ name: String, _ data: Data) throws -> String {
        try data.write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String { try write(name, Data(text.utf8)) }

    /// Changes the permissions of a file in the folder, or of the folder itself when there is no name.
    public func setMode(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: name.isEmpty ? path : file(name))
    }

    public func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: file(name))) }

    /// Empty when there is no such file.
    public func text(_ name: String) -> String {
        (try? data(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Why a test cannot go on.
public struct TestFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Waits until a condition holds. The limit is for programs that hang: a busy machine stays far below it.
///
/// - Parameters:
///   - what: what is waited for, for the failure's text.
///   - condition: `nil` as long as it does not hold.
public func eventually<Value>(
    _ what: String, seconds: Int = 60, _ condition: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < end else { throw TestFailure("not within \(seconds) s: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// The same for a condition without a value.
public func eventually(_ what: String, seconds: Int = 60, _ condition: () async throws -> Bool) async throws {
    let _: Bool = try await eventually(what, seconds: seconds) { try await condition() ? true : nil }
}
