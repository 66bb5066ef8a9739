import Foundation
import Testing

/// proto-spec/secam.test.mjs runs the vectors through the JavaScript codec.
@Suite struct JavaScriptTests {
    private static let node = ["/usr/bin/node", "/usr/bin/nodejs", "/usr/local/bin/node"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(
        .enabled(if: node != nil, "needs Node.js: sh docker/deps.sh test"),
        arguments: [[], ["../Sources/SecamWeb/Page/secam.mjs", "viewer"]])
    func `the JavaScript codecs agree with all vectors`(_ codec: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.node))
        process.currentDirectoryURL = Specification.folder
        process.arguments = ["secam.test.mjs"] + codec
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
    }
}
