import Foundation
import Glibc
import SecamBase
import SecamTestSupport
import Testing

/// Kills of services that share raw pictures.
@Suite(.serialized) struct SharingFaultTests {
    /// Number of kills; about a hundred take several minutes.
    private static let kills = ProcessInfo.processInfo.environment["SECAM_KILLS"].flatMap(Int.init) ?? 20

    /// What a process holds of shared memory.
    private struct Holdings {
        /// Mappings of memory files.
        let mappings: Int
        /// Descriptors of memory files.
        let memoryFiles: Int
        /// All descriptors.
        let descriptors: Int

        init(_ process: Int32) {
            let maps = SystemFile.read("/proc/\(process)/maps") ?? ""
            mappings = maps.split(separator: "\n").count { $0.contains("memfd:secam-pictures") }
            let folder = "/proc/\(process)/fd"
            let links = FolderEntries.names(in: folder).map { name in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")) ?? ""
            }
            memoryFiles = links.count { $0.contains("memfd:secam-pictures") }
            descriptors = links.count
        }
    }

    private func waitForSharing(_ set: RunningSet) async throws {
        try await eventually("both encoders share memory") {
            let camera = try await set.status("capture")
            return camera["workers_sharing"].integer == 2 && camera["workers"].integer == 2
        }
    }

    @Test func `killed encoders and cameras cost no frame that they did not hold, and leave nothing behind`()
        async throws
    {
        // Few and small frames, so that a busy machine keeps up. By design, a frame that waits too long is dropped.
        try await RunningSet.with(["demo=test:160x120@5"], encoders: 2) { set in
            let viewer = try set.startView(["live", "demo", "--headless", "--stats"])
            try await waitForSharing(set)
            let camera = try #require(try set.processes("capture").first)
            let before = Holdings(camera)
            #expect(before.mappings == 1 && before.memoryFiles == 1)
            for number in 0..<SharingFaultTests.kills {
                let victim = number % 2 == 0 ? "encode-1" : "encode-2"
                try await set.killService("encode", victim)
                try await eventually("the encoder is back at work") {
                    let service = try await set.status("capture")
                    return service["workers"].integer == 2
                }
            }
            try await waitForSharing(set)
            let status = try await set.status("capture")
            #expect(status["pid"].integer == Int(camera), "the camera has survived")
            #expect(status["frames_dropped"].integer == 0, "\(status) \(set.up.errors)")
            let after = Holdings(camera)
            #expect(after.mappings == 1 && after.memoryFiles == 1)
            // Connections of killed encoders are closed a little later.
            try await eventually("no descriptor of the camera is left") {
                Holdings(camera).descriptors <= before.descriptors + 4
            }
            for _ in 0..<max(2, SharingFaultTests.kills / 5) {
                try await set.killService("capture")
                try await set.waitForCamera("demo", "online")
            }
            try await waitForSharing(set)
            for encoder in try set.processes("encode") {
                try await eventually("an encoder holds the memory of one camera") {
                    let holdings = Holdings(encoder)
                    return holdings.mappings == 1 && holdings.memoryFiles == 0
                }
            }
            // A socket's age decides whether it is left over, so those of the last seconds may still be there.
            try await set.killService("capture")
            try await waitForSharing(set)
            #expect(FolderEntries.names(in: "\(set.data)/share").count <= SharingFaultTests.kills / 5 + 3)
            let work = try await set.status("capture")["work_shared"].integer ?? 0
            try await eventually("pictures still go through shared memory") {
                try await set.status("capture")["work_shared"].integer ?? 0 > work + 20
            }
            viewer.kill()
        }
    }
}
