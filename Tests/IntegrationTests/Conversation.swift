import Foundation
import SecamTestSupport

/// A file of `proto-spec/conversations`.
struct ConversationFile: Decodable {
    let kind: String
    let peer: String
    let preconditions: Preconditions
    let conversations: [Conversation]

    struct Preconditions: Decodable {
        let cameras: [Camera]
        let encoders: Int
        let archives: Int?
        let recorded: Bool?
        let users: [User]?
    }

    struct Camera: Decodable {
        let name: String
        let source: String
    }

    struct User: Decodable {
        let name: String
        let password: String
        let role: String
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../proto-spec")
        .standardizedFileURL

    static func read(_ name: String) throws -> ConversationFile {
        let file = folder.appending(path: "conversations/\(name)")
        return try JSONDecoder().decode(ConversationFile.self, from: Data(contentsOf: file))
    }
}

/// A script of messages on one or more connections.
struct Conversation: Decodable {
    let name: String
    let role: String?
    let connections: [Connection]?
    let ignore: [String]?
    var steps: [Step]

    struct Connection: Decodable {
        let name: String
        let role: String?
    }

    struct Step: Decodable {
        let on: String?
        let send: [Item]?
        let chunk: Int?
        let keep: [Item]?
        let answer: String?
        let with: Item?
        let expect: String?
        var fields: JSONValue?
        let not: JSONValue?
        let captures: [String: String]?
        let eventually: Bool?
        let expectClose: Bool?
    }

    struct Item: Decodable {
        let message: String?
        let fields: JSONValue?
        let hex: String?
    }
}

extension JSONValue {
    /// Returns the value with each text `$NAME` replaced by the captured value.
    func resolved(_ captured: [String: JSONValue]) throws -> JSONValue {
        switch self {
        case .string(let text) where text.hasPrefix("$"):
            guard let value = captured[String(text.dropFirst())] else { throw TestFailure("nothing captured \(text)") }
            return value
        case .array(let values): return .array(try values.map { try $0.resolved(captured) })
        case .object(let fields): return .object(try fields.mapValues { try $0.resolved(captured) })
        default: return self
        }
    }

    /// Whether a value has all fields of this one, and lists of the same length.
    func matches(_ actual: JSONValue) -> Bool {
        switch (self, actual) {
        case (.object(let fields), .object): fields.allSatisfy { $0.value.matches(actual[$0.key]) }
        case (.array(let values), .array(let others)):
            values.count == others.count && zip(values, others).allSatisfy { $0.matches($1) }
        default: self == actual
        }
    }

    /// Returns the value at a path such as `cameras.0.camera`.
    func value(at path: String) -> JSONValue {
        path.split(separator: ".").reduce(self) { value, part in
            Int(part).map { value[$0] } ?? value[String(part)]
        }
    }
}

/// Runs one conversation.
struct ConversationRun {
    let codec: SchemaCodec
    let conversation: Conversation
    /// The connections by name; "" is the only one of a conversation without names.
    let peers: [String: any ConversationPeer]

    func run() async throws {
        var captured: [String: JSONValue] = [:]
        var keepers: [Task<Void, any Error>] = []
        defer { for keeper in keepers { keeper.cancel() } }
        for (index, step) in conversation.steps.enumerated() {
            do {
                let peer = try peer(step)
                if let items = step.send {
                    try await peer.send(items.map { try encode($0, captured) }, chunk: step.chunk)
                }
                if let items = step.keep {
                    let messages = try items.map { try encode($0, captured) }
                    keepers.append(
                        Task {
                            while true {
                                try await peer.send(messages, chunk: nil)
                                try await Task.sleep(for: .milliseconds(500))
                            }
                        })
                }
                if let name = step.answer, let item = step.with {
                    // The answers need the captures of their own question.
                    let (before, captures) = (captured, step.captures ?? [:])
                    keepers.append(
                        Task {
                            while let question = try await next(of: peer, besides: name) {
                                guard question.name == name else { continue }
                                var captured = before
                                for (variable, path) in captures {
                                    captured[variable] = question.fields.value(at: path)
                                }
                                try await peer.send([encode(item, captured)], chunk: nil)
                            }
                        })
                }
                if let name = step.expect { try await expect(name, step, of: peer, &captured) }
                if step.expectClose == true, let message = try await next(of: peer, besides: nil) {
                    throw TestFailure("\(message.name) \(message.fields) instead of the connection's end")
                }
            } catch {
                throw TestFailure("step \(index + 1): \(error)")
            }
        }
    }

    private func peer(_ step: Conversation.Step) throws -> any ConversationPeer {
        let name = step.on ?? conversation.connections?.first?.name ?? ""
        guard let peer = peers[name] else { throw TestFailure("no connection is called '\(name)'") }
        return peer
    }

    private func encode(_ item: Conversation.Item, _ captured: [String: JSONValue]) throws -> [UInt8] {
        if let hex = item.hex { return try SchemaCodec.bytes(hex) }
        guard let message = item.message else { throw TestFailure("neither a message nor hex") }
        return try codec.encode(message, (item.fields ?? .object([:])).resolved(captured))
    }

    private func expect(
        _ name: String, _ step: Conversation.Step, of peer: any ConversationPeer, _ captured: inout [String: JSONValue]
    ) async throws {
        let fields = try (step.fields ?? .object([:])).resolved(captured)
        let others = try (step.not ?? .object([:])).resolved(captured)
        while true {
            guard let actual = try await next(of: peer, besides: name) else {
                throw TestFailure("the connection ends before \(name)")
            }
            let differs = others.names.allSatisfy { !others[$0].matches(actual.fields[$0]) }
            guard actual.name == name, fields.matches(actual.fields), differs else {
                if step.eventually == true { continue }
                throw TestFailure("\(actual.name) \(actual.fields) instead of \(name) \(fields), not \(others)")
            }
            for (variable, path) in step.captures ?? [:] {
                let value = actual.fields.value(at: path)
                guard value != .null else { throw TestFailure("\(name) has no \(path)") }
                captured[variable] = value
            }
            return
        }
    }

    /// Returns the next message that is not one of the ignored ones; `nil` at the connection's end.
    private func next(
        of peer: any ConversationPeer, besides name: String?
    ) async throws -> (name: String, fields: JSONValue)? {
        while let bytes = try await peer.inbox.next() {
            let message = try codec.decode(bytes)
            if message.name == name || conversation.ignore?.contains(message.name) != true { return message }
        }
        return nil
    }
}
