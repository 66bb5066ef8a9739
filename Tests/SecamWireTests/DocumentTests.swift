import Foundation
import SecamWire
import Testing

/// Checks that the tables of the documents match the code.
@Suite struct DocumentTests {
    @Test func `the README lists every message with its code`() throws {
        let table = try Specification.section("## Messages", of: Specification.document("README.md"))
        var listed: [String: String] = [:]
        for row in Specification.rows(of: table) {
            #expect(listed.updateValue(row[0], forKey: row[1]) == nil, "\(row[1]) is listed twice")
        }
        let known = KnownMessage.all.map { message in
            let digits = String(message.type.rawValue, radix: 16)
            return (message.name, "0x" + String(repeating: "0", count: 4 - digits.count) + digits)
        }
        #expect(listed == Dictionary(uniqueKeysWithValues: known))
        #expect(Set(KnownMessage.all.map(\.type)) == Set(MessageType.allCases))
    }

    @Test func `the section of each message lists its fields`() throws {
        let pages = try ["flow.md", "events.md", "archive.md", "work.md", "registry.md", "viewer.md"].map(
            Specification.document
        ).joined()
        for vector in OkVector.all where !vector.isNewer {
            let section = try Specification.section("## \(vector.message)", of: pages)
            let names = Specification.rows(of: section).filter { !$0[0].hasPrefix("+") }.map { $0[2] }
            guard case .object(let fields) = vector.fields else { continue }
            for field in fields.keys { #expect(names.contains(field), "\(vector.message).\(field)") }
        }
    }

    @Test func `the enumerations of types.md match the code`() throws {
        try expect(Role.self, "Role")
        try expect(Rendition.self, "Rendition")
        try expect(FlowContent.self, "FlowContent")
        try expect(EventKind.self, "EventKind")
        try expect(EventState.self, "EventState")
        try expect(ZoneKind.self, "ZoneKind")
        try expect(RecordingMode.self, "RecordingMode")
        try expect(RecordingHealth.self, "RecordingHealth")
        try expect(ReplayContent.self, "ReplayContent")
        try expect(RecordingCodec.self, "RecordingCodec")
        try expect(PixelFormat.self, "PixelFormat")
        try expect(FlowPolicy.self, "FlowPolicy")
        try expect(GapReason.self, "GapReason")
        try expect(CloseReason.self, "CloseReason")
        try expect(CameraState.self, "CameraState")
        try expect(RefusalReason.self, "RefusalReason")
        try expect(UserRole.self, "UserRole")
        try expect(DenialReason.self, "DenialReason")
        try expect(ByeReason.self, "ByeReason")
        try expect(ErrorCode.self, "ErrorCode")
        try expect(Metric.self, "Metric")
    }

    @Test func `the worked example has the bytes of its vectors, explained without a gap`() throws {
        let document = try Specification.document("example.md")
        let steps = OkVector.all.filter { $0.file.hasPrefix("session-") }
        let sections = document.components(separatedBy: "\n## ").dropFirst()
        #expect(!steps.isEmpty)
        #expect(sections.count == steps.count)
        for (section, vector) in zip(sections, steps) {
            #expect(section.contains("vectors/ok/\(vector.file)"))
            let explained = Specification.rows(of: section).map { $0[0].filter { $0.isHexDigit } }.joined()
            #expect(explained == hexadecimal(vector.bytes))
        }
    }

    private func expect<Value: RawRepresentable>(_: Value.Type, _ name: String) throws
    where Value.RawValue: FixedWidthInteger {
        let heading = "### \(name) (`u\(Value.RawValue.bitWidth)`)"
        let section = try Specification.section(heading, of: Specification.document("types.md"))
        var listed: [Int: String] = [:]
        for row in Specification.rows(of: section) {
            if let value = Int(row[0]), !row[0].hasPrefix("+") { listed[value] = row[1].lowercased() }
        }
        var actual: [Int: String] = [:]
        for raw in 0...Int(Value.RawValue.max) {
            guard let value = Value(rawValue: Value.RawValue(raw)) else { continue }
            actual[raw] = "\(value)".lowercased().filter { $0 != "_" }
        }
        #expect(listed == actual, "\(name)")
    }
}
