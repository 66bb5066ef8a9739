import Foundation
import SecamTestSupport
import SecamWire
import Testing

/// proto-spec/secam.lua shows the vectors' messages in tshark.
@Suite(.enabled(if: Dissection.isAvailable, "needs tshark: sh docker/deps.sh test")) struct DissectorTests {
    private static let port: UInt16 = 7443

    /// Each message in a connection and a packet of its own.
    private func dissections(_ messages: [[UInt8]]) async throws -> [Dissection] {
        let capture = PacketCapture()
        for (index, message) in messages.enumerated() {
            capture.add(message, from: UInt16(10_000 + index), to: Self.port)
        }
        let scratch = try ScratchFolder()
        let shown = try await Dissection.packets(of: capture, ["-d", "tcp.port==\(Self.port),secam"], in: scratch)
        try #require(shown.count == messages.count)
        return shown
    }

    @Test func `every field of a message is shown`() async throws {
        let vectors = OkVector.all
        for (vector, shown) in zip(vectors, try await dissections(vectors.map(\.bytes))) {
            #expect(shown.fields["secam.malformed"] == nil, "\(vector.file)")
            let (shown, expected) = (Self.values(of: shown), Self.values(of: vector))
            if vector.isOlder {
                // A reader takes the defaults of fields that are not there; the dissector shows only what is there.
                #expect(!shown.isEmpty && Set(shown).isSubset(of: expected), "\(vector.file)")
            } else if !vector.isNewer {
                #expect(shown == expected, "\(vector.file)")
            }
        }
    }

    @Test func `a message that ends too early or too late is marked as malformed`() async throws {
        let vectors = BadVector.all.filter { vector in
            vector.bytes.count >= Envelope.size && ["truncated", "trailing-bytes"].contains(vector.error)
                && vector.bytes.count < vector.limit
                && vector.bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 4 == vector.bytes.count
        }
        try #require(vectors.count > 50)
        for (vector, shown) in zip(vectors, try await dissections(vectors.map(\.bytes))) {
            #expect(shown.fields["secam.malformed"] != nil, "\(vector.file)")
        }
    }

    /// `name=value` of all fields, sorted, without names of structs and lists.
    private static func values(of shown: Dissection) -> [String] {
        let derived = ["secam.length", "secam.type", "secam.version", "secam.flags", "secam.headerLength"]
        return shown.fields.flatMap { key, values -> [String] in
            let name = key.split(separator: ".").last.map(String.init) ?? key
            guard key.hasPrefix("secam."), !derived.contains(key), !["reserved", "present"].contains(name) else {
                return []
            }
            return values.map { "\(name)=\($0)" }
        }.sorted()
    }

    private static func values(of vector: OkVector) -> [String] {
        var values: [String] = []
        collect(vector.fields, named: "", into: &values)
        return values.sorted()
    }

    private static func collect(_ value: FieldValue, named name: String, into values: inout [String]) {
        switch value {
        case .absent, .flag: break
        case .number(let number): values.append("\(name)=\(number)")
        case .text(let bytes):
            let text = String(decoding: bytes, as: UTF8.self)
            switch name {
            case "password", "code": values.append("\(name)=(\(bytes.count) bytes)")
            case "payload" where bytes.isEmpty: break
            case "payload", "key", "ticket": values.append("\(name)=\(colons(text))")
            // The token of PING and PONG is a number.
            case "token" where bytes.count == 2 * WireLimits.deviceToken: values.append("\(name)=\(colons(text))")
            default: values.append("\(name)=\(text.replacing("\0", with: "␀"))")
            }
        case .list(let list): for value in list { collect(value, named: name, into: &values) }
        case .object(let fields): for (name, value) in fields { collect(value, named: name, into: &values) }
        }
    }

    /// Hexadecimal digits as tshark shows bytes.
    private static func colons(_ digits: String) -> String {
        stride(from: 0, to: digits.count, by: 2).map { digits.dropFirst($0).prefix(2) }.joined(separator: ":")
    }
}
