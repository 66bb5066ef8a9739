import Foundation
import SecamTestSupport
import Testing

/// The check of all settings before the first service starts.
@Suite struct CheckedSettingsTests {
    private let scratch = try! ScratchFolder()

    @Test(arguments: [
        (["--max-megabytes", "8"], "--max-megabytes", "a number from 16"),
        (["--free-megabytes", "many"], "--free-megabytes", "a number from 0"),
        (["--quality", "101"], "--quality", "1 to 100"),
        (["--size", "8x8"], "--size", "1280x720"),
        (["--record", "always"], "--record", "off, motion, continuous or both"),
    ])
    func `secam up refuses an invalid value before any service starts`(
        arguments: [String], option: String, expected: String
    ) async throws {
        let up = try RunningSet.start(
            [RunningSet.camera], record: "continuous", arguments: arguments, scratch: scratch)
        let finished = try await up.finish()
        #expect(finished.status == 64, "\(finished.errors)")
        #expect(finished.errors.contains(option) && finished.errors.contains(expected), "\(finished.errors)")
        #expect(!finished.output.contains("is up"))
        #expect(!finished.errors.contains("ready"), "the gateway did not start")
        #expect(!FileManager.default.fileExists(atPath: scratch.file("data/recordings")))
    }

    @Test func `a service checks its settings and starts nothing`() async throws {
        let join = try await Programs.invite("archive-1", role: "archive", in: scratch)
        func check(_ megabytes: String) async throws -> FinishedProgram {
            try await Programs.run(
                "secam-archive",
                [
                    "--join", join, "--recordings", scratch.file("recordings"), "--max-megabytes", megabytes, "--check",
                ], in: scratch)
        }
        #expect(try await check("8").status == 64)
        let good = try await check("16")
        #expect(good.status == 0 && good.errors.isEmpty, "\(good.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.file("recordings")))
    }
}
