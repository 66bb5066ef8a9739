import Foundation
import Testing

/// proto-spec/secam.test.mjs runs the vectors through the JavaScript codec.
@Suite struct JavaScriptTests {
    private static let node = ["/usr/bin/node", "/usr/bin/nodejs", "/usr/local/bin/node"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: node != nil, "needs Node.js: sh docker/deps.sh test"))
    func `the JavaScript codec agrees with all vectors`() throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.node))
        process.arguments = [Specification.folder.appending(path: "secam.test.mjs").path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
