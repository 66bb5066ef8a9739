import Foundation

/// The fields that tshark shows of a capture, by the dissector in proto-spec.
package struct Dissection {
    /// Values of each field, such as `secam.frame.width`, in the order of the capture.
    package let fields: [String: [String]]
    package let errors: String

    package static let isAvailable = FileManager.default.isExecutableFile(atPath: "/usr/bin/tshark")

    /// One dissection for each packet with messages.
    ///
    /// - Parameter arguments: further arguments of tshark.
    package static func packets(
        of capture: PacketCapture, _ arguments: [String], in scratch: ScratchFolder
    ) async throws -> [Dissection] {
        try scratch.write(capture.file, to: "capture.pcap")
        let dissector = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../proto-spec/secam.lua").standardizedFileURL.path
        let shown = try await Programs.run(
            "/usr/bin/tshark",
            [
                "-X", "lua_script:\(dissector)", "-r", scratch.file("capture.pcap"), "-Y", "secam", "-T", "json",
                "--no-duplicate-keys", "-J", "secam",
            ] + arguments, in: scratch)
        guard shown.status == 0 else { throw TestFailure("tshark: \(shown.errors)") }
        return try shown.json().values.map { packet in
            var fields: [String: [String]] = [:]
            collect(packet["_source"]["layers"]["secam"], named: "", into: &fields)
            return Dissection(fields: fields, errors: shown.errors)
        }
    }

    private static func collect(_ value: JSONValue, named name: String, into fields: inout [String: [String]]) {
        switch value {
        case .string(let text): fields[name, default: []].append(text)
        case .array(let values): for value in values { collect(value, named: name, into: &fields) }
        case .object(let values): for (name, value) in values { collect(value, named: name, into: &fields) }
        case .null, .boolean, .number: break
        }
    }
}
