import Glibc
import SecamControl
import SecamMotionDetector
import Subprocess
import Testing

/// Surveillance videos with known motion intervals in the folder `SECAM_FOOTAGE`, and their scoring program
/// `../tools/motion-eval`. They are not part of the project.
enum Yardstick {
    static let isThere =
        unsafe access(program, X_OK) == 0
        && access("/usr/bin/python3", X_OK) == 0
    static let folder = unsafe getenv("SECAM_FOOTAGE").map { unsafe String(cString: $0) } ?? ""
    static let program = "\(folder)/../tools/motion-eval"
    static let sequences = [
        "caviar-shop", "courtyard", "dusk-beach", "fall", "fountain", "hall-monitor", "highway", "lobby-lights",
        "nest-walkers", "night-traffic", "office", "one-by-one", "overhead-road", "pedestrians", "pedestrians-night",
        "traffic-jitter", "vtest", "waving-trees",
    ]
}

@Suite struct YardstickTests {
    /// Goals for the default settings, over all sequences.
    @Test(.enabled(if: Yardstick.isThere, "there is no footage, no motion-eval or no python3"))
    func `the default settings reach their goals on footage`() async throws {
        var lines = ""
        for name in Yardstick.sequences {
            let footage = try LumaFootage(path: "\(Yardstick.folder)/\(name).mkv")
            try MotionTest.run(footage) { result in
                lines += "{\"sequence\":\"\(name)\",\"frame\":\(result.frame.number),\"motion\":\(result.isMoving)}\n"
            }
        }
        let result = try await run(
            .name("python3"), arguments: [Yardstick.program, Yardstick.folder, "-", "--no-pixels"],
            input: .string(lines), output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
        let table = result.standardOutput
        let total = try #require(table.split(separator: "\n").first { $0.hasPrefix("TOTAL") }, "\(table)")
        let columns = total.split(separator: " ").map { Double($0) ?? .nan }
        // TOTAL events found prompt false R P F1 FA/h cover% quiet% tF1
        try #require(columns.count >= 12)
        #expect(columns[4] <= 3, "\(table)")
        #expect(columns[5] >= 0.96, "\(table)")
        #expect(columns[7] >= 0.93, "\(table)")
        #expect(columns[11] >= 0.95, "\(table)")
    }
}
