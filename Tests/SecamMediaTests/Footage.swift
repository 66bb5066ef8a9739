import Foundation
import SecamMedia
import SecamWire

/// A temporary folder of small videos, made with the ffmpeg command.
final class Footage {
    static let width = 64
    static let height = 48
    static let frames = 10

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("secam-media-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    func data(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path(name)))
    }

    func write(_ name: String, _ data: Data) throws -> String {
        try data.write(to: URL(fileURLWithPath: path(name)))
        return path(name)
    }

    /// Makes ten frames of a moving pattern, encoded by `arguments`.
    func make(_ name: String, _ arguments: String...) throws -> String {
        let source = "testsrc2=size=\(Self.width)x\(Self.height):rate=25"
        try ffmpeg(["-f", "lavfi", "-i", source, "-frames:v", "\(Self.frames)"] + arguments + [name])
        return path(name)
    }

    func ffmpeg(_ arguments: [String]) throws {
        _ = try run("ffmpeg", ["-v", "error", "-y", "-nostdin"] + arguments)
    }

    /// Returns ffprobe's output for every packet, one line each.
    func packets(_ name: String, _ entries: String = "pts_time") throws -> [String] {
        let output = try run(
            "ffprobe", ["-v", "quiet", "-show_entries", "packet=\(entries)", "-of", "csv=p=0", name])
        return output.split(separator: "\n").map { String($0).trimmingCharacters(in: [","]) }
    }

    @discardableResult
    func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = folder
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CommandFailed(program: program, arguments: arguments) }
        return String(decoding: data, as: UTF8.self)
    }

    struct CommandFailed: Error {
        let program: String
        let arguments: [String]
    }
}

extension MediaReader {
    /// The current frame's bytes.
    func bytes(of frame: MediaFrame) -> Data {
        var bytes = [UInt8](repeating: 0, count: frame.byteCount)
        var span = bytes.mutableSpan
        var raw = unsafe span.mutableBytes
        copyFrame(into: &raw)
        return Data(bytes)
    }

    /// Returns all remaining frames.
    func frames() throws -> [(frame: MediaFrame, bytes: Data)] {
        var frames: [(frame: MediaFrame, bytes: Data)] = []
        while let frame = try next() { frames.append((frame, bytes(of: frame))) }
        return frames
    }
}

/// Returns the error of opening `url`; `nil` if it succeeds.
func failure(
    _ url: String, options: MediaReader.Options = MediaReader.Options(),
    cancellation: MediaCancellation = MediaCancellation()
) -> MediaError? {
    do throws(MediaError) {
        _ = try MediaReader(url: url, options: options, cancellation: cancellation)
        return nil
    } catch {
        return error
    }
}
