import Foundation
import SecamBase
import SecamMedia
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamCapture

/// The times of an RTSP camera's pictures, against a real stream.
@Suite struct StreamSourceTests {
    private let scratch = try! ScratchFolder()

    /// Makes a video whose frames are each brighter than the one before.
    private func video() async throws -> Data {
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=64x48:rate=20", "-frames:v", "60",
                "-vf",
                "geq=lum=20+3*N:cb=128:cr=128", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-qp",
                "4", "-bf", "0", "-g", "10", "-x264-params", "slices=1:threads=1", "video.h264",
            ], in: scratch)
        return try scratch.data("video.h264")
    }

    /// Reads pictures.
    ///
    /// - Returns: the number of each frame with the time of its capture.
    private func read(_ count: Int, from url: String) throws -> [(frame: Int, timestamp: Int64)] {
        let source = try StreamSource(SecretURL(url), timeout: .seconds(60), MediaCancellation())
        var seen: [(frame: Int, timestamp: Int64)] = []
        while seen.count < count {
            _ = try source.next(timeout: .seconds(1)) { bytes, _, timestamp in
                // Full range: 0 to 255 for 16 to 235.
                let luma = Double(bytes[64 * 24 + 32]) * 219 / 255 + 16
                seen.append((Int(((luma - 20) / 3).rounded()), timestamp))
            }
        }
        return seen
    }

    @Test(arguments: [false, true])
    func `times of capture are right over twenty reconnections`(describesParameterSets: Bool) async throws {
        var options = RTSPCamera.Options()
        options.framesPerSecond = 20
        options.firstFrame = 3
        options.describesParameterSets = describesParameterSets
        let camera = try RTSPCamera(try await video(), options)
        for _ in 0..<10 {
            let url = camera.url()
            let seen = try await Thread.result { try self.read(40, from: url) }
            #expect(seen.map(\.frame) == seen.map(\.frame).sorted())
            #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.timestamp < $1.timestamp })
            // Distances are those of the scene, whenever the pictures arrived: 50 ms.
            let span = try #require(seen.last).timestamp - seen[0].timestamp
            #expect(abs(span - Int64(seen.last!.frame - seen[0].frame) * 50_000) < 1_000_000)
            for picture in seen {
                let sent = try #require(camera.sendTime(ofFrame: picture.frame))
                #expect(abs(picture.timestamp - sent) < 1_000_000, "frame \(picture.frame)")
            }
        }
    }
}

extension Thread {
    /// Runs `body` on a dedicated thread, because blocking calls must not run in tasks.
    fileprivate static func result<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
        -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}
