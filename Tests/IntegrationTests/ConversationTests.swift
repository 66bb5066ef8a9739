import Foundation
import SecamMesh
import SecamRegistry
import SecamTestSupport
import SecamWire
import Testing

/// Runs the scripts of `proto-spec/conversations` against the programs.
@Suite(.serialized) struct ConversationTests {
    private let codec: SchemaCodec

    init() throws {
        codec = try SchemaCodec(Data(contentsOf: ConversationFile.folder.appending(path: "schema.json")))
    }

    private static let files = [
        "archive.json", "flow.json", "registry.json", "viewer.json", "work-camera.json", "work-encoder.json",
    ]

    @Test(arguments: files)
    func `the programs follow the conversations of a file`(name: String) async throws {
        let file = try ConversationFile.read(name)
        try await with(file) { set in
            for conversation in file.conversations {
                do {
                    try await run(conversation, of: file, in: set)
                } catch {
                    Issue.record("\(name), \(conversation.name): \(error)")
                }
            }
        }
    }

    @Test func `every file of conversations is run`() throws {
        let folder = ConversationFile.folder.appending(path: "conversations").path
        let present = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".schema.json") }
        #expect(Set(present) == Set(Self.files))
    }

    @Test func `a wrong expectation fails`() async throws {
        let file = try ConversationFile.read("viewer.json")
        let login = try #require(file.conversations.first { $0.name == "login" })
        try await with(file) { set in
            for (index, step) in login.steps.enumerated() where step.expect != nil {
                var wrong = login
                wrong.steps[index].fields = .object(["nothing": .number(1)])
                await #expect(throws: TestFailure.self, "step \(index + 1)") {
                    try await run(wrong, of: file, in: set)
                }
            }
        }
    }

    @Test func `the codec that follows from the schema agrees with all vectors`() throws {
        let folder = ConversationFile.folder.appending(path: "vectors/ok")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let vector = try JSONValue(Data(contentsOf: folder.appending(path: file)))
            guard vector["newer"] == .null, vector["older"] == .null, let name = vector["message"].text else {
                continue
            }
            let bytes = try SchemaCodec.bytes(vector["hex"].text ?? "")
            #expect(try codec.encode(name, vector["fields"]) == bytes, "\(file)")
            let decoded = try codec.decode(bytes)
            #expect(decoded.name == name && decoded.fields == vector["fields"], "\(file)")
        }
    }

    // MARK: Preconditions

    private func with(_ file: ConversationFile, _ body: (RunningSet) async throws -> Void) async throws {
        let wanted = file.preconditions
        let record = wanted.recorded == true ? "continuous" : "off"
        let cameras = wanted.cameras.map { "\($0.name)=\($0.source)" }
        try await RunningSet.with(
            cameras, encoders: max(1, wanted.encoders), record: record, archives: wanted.archives ?? 0
        ) { set in
            if wanted.encoders == 0 { try await removeEncoders(of: set) }
            for user in wanted.users ?? [] {
                try await set.addUser(user.name, password: user.password, ["--role", user.role])
            }
            for camera in wanted.cameras {
                try await eventually("the camera \(camera.name)") { try await set.cameras()[camera.name] != nil }
                guard wanted.recorded == true else { continue }
                try await eventually("a recording of \(camera.name)") {
                    let listed = try await set.view(["recordings", camera.name, "--json"]).json()["recordings"]
                    guard let start = listed[0]["start_us"].integer, let end = listed[0]["end_us"].integer else {
                        return false
                    }
                    return end > start + 1_000_000
                }
            }
            try await body(set)
        }
    }

    /// A set has at least one encoder: takes its key away.
    private func removeEncoders(of set: RunningSet) async throws {
        let revoked = try await set.secam(["keys", "revoke", "encode-*"])
        guard revoked.status == 0 else { throw TestFailure("secam keys revoke: \(revoked.errors)") }
        try await eventually("no encoder") { try await set.status("encode") == .null }
    }

    private func run(_ conversation: Conversation, of file: ConversationFile, in set: RunningSet) async throws {
        var peers: [String: any ConversationPeer] = [:]
        let connections = conversation.connections ?? [.init(name: "", role: conversation.role)]
        do {
            for connection in connections {
                let instance = "\(conversation.name)-\(connection.name)"
                peers[connection.name] = try await connect(file, connection.role, instance: instance, in: set)
            }
            try await ConversationRun(codec: codec, conversation: conversation, peers: peers).run()
        } catch {
            for peer in peers.values { await peer.stop() }
            throw error
        }
        for peer in peers.values { await peer.stop() }
    }

    // MARK: Connections

    private func connect(
        _ file: ConversationFile, _ role: String?, instance: String, in set: RunningSet
    ) async throws -> any ConversationPeer {
        switch (file.kind, file.peer) {
        case ("viewer", _): return try await ViewerPeer(set)
        case ("work", "encoder"):
            let name = "camera-\(instance)"
            let join = try await Programs.invite(name, in: set.scratch)
            return try await MemberPeer(identity(.capture, join, in: set), name: name, isCamera: true)
        case ("work", _) where role == "encode":
            let name = "encoder-\(instance)"
            let join = try await Programs.invite(name, role: "encode", in: set.scratch)
            return try await MemberPeer(identity(.encode, join, in: set), name: name, isCamera: false)
        case ("flow", _), ("work", _):
            let identity = try pool(role, in: set)
            return try await MemberPeer(identity, name: "\(identity.role)-\(instance)", isCamera: false)
        case ("registry", _):
            let identity = try pool(role, in: set)
            return try await MeshPeer.connect(
                identity.registry, serverKey: identity.registryKey, keys: identity.keys)
        case ("archive", _):
            let endpoint = try await eventually("the archive's endpoint") {
                try await set.status("archive")["endpoint"].text
            }
            let archive = try pool("archive", in: set)
            return try await MeshPeer.connect(
                endpoint, serverKey: archive.keys.publicKey, keys: DataFolder(set.data).gatewayKeys())
        default: throw TestFailure("unknown kind of connection: \(file.kind)")
        }
    }

    /// Returns the identity of a service of the set.
    private func pool(_ role: String?, in set: RunningSet) throws -> Identity {
        guard let role = Role.allCases.first(where: { "\($0)" == role }) else {
            throw TestFailure("unknown role: \(role ?? "")")
        }
        let file = DataFolder(set.data).joinFile(role, role == .operator ? "operator" : "\(role)-*")
        return try identity(role, file, in: set)
    }

    private func identity(_ role: Role, _ file: String, in set: RunningSet) throws -> Identity {
        let admin = DataFolder(set.data).joinFile(.operator, "operator")
        let registry = try Identity.read(admin, registry: nil, role: .operator).registry
        return try Identity.read(file, registry: registry, role: role)
    }
}
