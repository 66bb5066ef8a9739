import SecamBase
import SecamProcess
import SecamTestSupport
import Testing

@testable import SecamCapture

@Suite struct SpoolSettingsTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func settings(_ folder: String) throws -> SpoolSettings? {
        try SpoolSettings(Settings(commandLine: ["spool": folder, "spool.megabytes": "16"], environment: [:]))
    }

    @Test func `a missing folder is not created by a check of the settings`() throws {
        let folder = scratch.file("new/spool")
        #expect(try settings(folder)?.folder == folder)
        #expect(scratch.names.isEmpty)
    }

    @Test func `a folder that cannot be created or used is an error`() throws {
        try scratch.write("a file", to: "file")
        #expect(throws: SecretFile.Failure.self) { try settings(scratch.file("file")) }
        #expect(throws: SecretFile.Failure.self) { try settings(scratch.file("file/spool")) }
    }
}
