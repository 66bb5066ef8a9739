import Foundation
import Glibc
import Logging
import SecamBase
import SecamMesh
import SecamPolicy
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamGateway

@Suite struct PolicyStoreTests {
    private let scratch: ScratchFolder
    private let store: PolicyStore

    init() throws {
        scratch = try ScratchFolder()
        store = PolicyStore(
            DataFolder(scratch.path), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func write(_ text: String) throws { try scratch.write(text, to: "policy.yaml", mode: 0o644) }

    @Test func `an invalid policy is replaced by the last good one`() throws {
        try write("motion: off\n")
        let good = try store.read()
        try write("motion: [\n")
        let error = try #require(throws: PolicyError.self) { _ = try store.read() }
        let loaded = try store.load()
        #expect(loaded.file == good && loaded.problem == error)
        try write("record: motion\n")
        #expect(try store.load().problem == nil)
        try write("motion: [\n")
        #expect(try store.load().file.recording(of: Name("porch"), default: nil)?.mode == .motion)
    }

    @Test func `the defaults count as the last good policy`() throws {
        try write("motion: off\n")
        _ = try store.read()
        try FileManager.default.removeItem(atPath: scratch.file("policy.yaml"))
        #expect(try store.read() == .none)
        try write("motion: [\n")
        #expect(try store.load().file == .none)
    }

    @Test func `an invalid policy without a good copy is an error`() throws {
        try write("motion: maybe\n")
        let error = try #require(throws: PolicyError.self) { _ = try store.load() }
        #expect(error.line == 1 && error.exitStatus == .configuration)
        try scratch.write("motion: perhaps\n", to: "policy.last-good.yaml")
        #expect(throws: error) { _ = try store.load() }
    }

    @Test func `the copy is readable by its owner only`() throws {
        try write("hooks:\n  - name: bell\n    post: https://user:secret@example.org/\n")
        _ = try store.read()
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch.file("policy.last-good.yaml"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func `a file's version changes with its permissions and content`() throws {
        let folder = DataFolder(scratch.path)
        let missing = folder.policyVersion
        try write("motion: off\n")
        let written = folder.policyVersion
        #expect(written != missing && written == folder.policyVersion)
        #expect(unsafe chmod(scratch.file("policy.yaml"), 0o600) == 0)
        #expect(folder.policyVersion != written)
    }
}
