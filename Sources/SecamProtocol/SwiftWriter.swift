import Foundation

/// Writes the Swift messages, enumerations and limits.
struct SwiftWriter {
    let schema: Schema

    static let width = 120
    private static let banner = "// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.\n"

    /// Files by their names.
    func files() throws -> [String: String] {
        var files = [
            "Enumerations.swift": try enumerations(), "MessageType.swift": messageTypes(),
            "WireLimits.swift": try limits(),
            "Figure.swift": try SwiftStruct(schema: schema, group: schema.group("figure")).text(),
            "CameraEvent.swift": try cameraEvent(),
        ]
        for message in schema.messages {
            files["\(SwiftNames.message(message.name)).swift"] = try SwiftStruct(schema: schema, message: message)
                .text()
        }
        return files.mapValues { SwiftWriter.banner + "\n" + $0 }
    }

    private func cameraEvent() throws -> String {
        let event = try SwiftStruct(schema: schema, group: schema.group("event"))
        let box = try SwiftStruct(schema: schema, group: schema.group("box"))
        return try event.text() + "\nextension CameraEvent {\n" + box.lines(indent: "    ").joined(separator: "\n")
            + "\n}\n"
    }

    private func messageTypes() -> String {
        var lines = [
            "/// The code of each message; proto-spec/README.md lists who may send which.",
            "package enum MessageType: UInt16, Sendable, CaseIterable, CustomStringConvertible {",
        ]
        for message in schema.messages {
            lines.append("    /// \(message.name)")
            lines.append("    case \(SwiftNames.messageCase(message.name)) = \(message.code)")
        }
        lines += ["", "    /// The message's name in the protocol.", "    package var description: String {"]
        lines.append("        switch self {")
        lines += schema.messages.map { "        case .\(SwiftNames.messageCase($0.name)): \"\($0.name)\"" }
        return (lines + ["        }", "    }", "}", ""]).joined(separator: "\n")
    }

    private func limits() throws -> String {
        var lines = [
            "/// The limits of proto-spec/limits.md. A length or count is checked against its limit before anything is",
            "/// allocated for it.", "package enum WireLimits {",
        ]
        for limit in schema.limits {
            let meaning = limit.meaning + (limit.unit.map { ", \($0)" } ?? "")
            lines += SwiftWriter.comment(meaning + (limit.reason.map { ". \($0)" } ?? ""), "    ")
            let value = SwiftWriter.literal(try schema.value(limit.value))
            let type = limit.type.map { ": \(SwiftWriter.integer($0))" } ?? ""
            lines.append(
                limit.name == "times"
                    ? "    package static let times: ClosedRange<Int64> = -\(value)...\(value)"
                    : "    package static let \(limit.name)\(type) = \(value)")
        }
        return (lines + ["}", ""]).joined(separator: "\n")
    }

    private func enumerations() throws -> String {
        var lines: [String] = []
        for enumeration in schema.enumerations {
            let name = SwiftNames.enumeration(enumeration.name)
            let raw = SwiftWriter.integer(enumeration.type)
            lines += SwiftWriter.comment(enumeration.summary, "")
            lines.append("package enum \(name): \(raw), Sendable, CaseIterable, CustomStringConvertible {")
            for value in enumeration.values {
                lines += SwiftWriter.comment(value.meaning, "    ")
                lines.append("    case \(SwiftNames.escaped(value.name)) = \(value.value)")
            }
            lines += ["", "    package var description: String {", "        switch self {"]
            let describe = SwiftNames.descriptions[enumeration.name] ?? { $0 }
            lines += enumeration.values.map { "        case .\($0.name): \"\(describe($0.name))\"" }
            lines += ["        }", "    }", "}", ""]
        }
        for set in schema.sets {
            let name = SwiftNames.set(set.name)
            lines += SwiftWriter.comment(set.summary, "")
            lines += [
                "package struct \(name): OptionSet, Sendable, Hashable {", "    package let rawValue: UInt8", "",
                "    package init(rawValue: UInt8) { self.rawValue = rawValue }", "",
            ]
            lines += set.bits.map { "    package static let \($0.name) = \(name)(rawValue: \(1 << $0.bit))" }
            let all = set.bits.map { ".\($0.name)" }.joined(separator: ", ")
            lines += ["    package static let all: \(name) = [\(all)]", "}", ""]
        }
        return lines.joined(separator: "\n")
    }

    static func integer(_ type: String) -> String {
        type.hasPrefix("u") ? "UInt\(type.dropFirst())" : "Int\(type.dropFirst())"
    }

    static func literal(_ number: Int) -> String {
        grouped(number, from: 10_000).replacing(" ", with: "_")
    }

    /// A documentation comment: one sentence with a capital letter and a full stop, without references to a document.
    static func comment(_ text: String, _ indent: String) -> [String] {
        var text = text.replacing(#/ \(\[[^\]]*\]\([^)]*\)\)/#, with: "")
            .replacing(#/[;,] see \[below\]\([^)]*\)/#, with: "")
            .replacing(#/\[([^\]]*)\]\([^)]*\)/#) { $0.output.1 }
            .replacing(#/[;,] (see|as described) below/#, with: "")
            .replacing(#/ (in a|from the) table below/#, with: "")
            .replacing(#/^0 or 1; 1 (.*), 0 (.*)$/#) { "true \($0.output.1), false \($0.output.2)" }
            .replacing(#/^0 or 1; 1 /#, with: "true ")
        text = text.prefix(1).uppercased() + text.dropFirst()
        if !text.hasSuffix(".") { text += "." }
        var lines: [String] = []
        var line = indent + "///"
        for word in text.split(separator: " ") {
            if line.count + 1 + word.count > width {
                lines.append(line)
                line = indent + "///"
            }
            line += " " + word
        }
        return lines + [line]
    }
}
