import SecamTestSupport
import Subprocess
import Testing

@testable import SecamTLS

/// Certificates issued by OpenSSL's own tool: a root, an intermediate authority, and a server's.
@Suite struct ChainTests {
    private func issue(
        _ folder: ScratchFolder, _ name: String, by issuer: String?, _ more: [String] = []
    ) async throws {
        let file = folder.path + "/" + name
        var arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        ]
        arguments += ["-subj", "/CN=\(name)", "-keyout", file + ".key", "-out", file + ".pem"]
        if let issuer {
            arguments += ["-CA", folder.path + "/\(issuer).pem", "-CAkey", folder.path + "/\(issuer).key"]
        }
        let result = try await run(
            .name("openssl"), arguments: Arguments(arguments + more), output: .discarded,
            error: .string(limit: 1 << 16))
        try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
    }

    @Test func `a server sends its chain so that a client needs only the root`() async throws {
        let folder = try ScratchFolder()
        try await issue(folder, "root", by: nil)
        try await issue(folder, "middle", by: "root")
        try await issue(folder, "server", by: "middle", ["-addext", "subjectAltName=DNS:camera.example"])
        let own = try PEMFile.read(folder.path + "/server.pem").bytes
        let chain = try folder.write("chain.pem", own + PEMFile.read(folder.path + "/middle.pem").bytes)
        for (file, isTrusted) in [(chain, true), (folder.path + "/server.pem", false)] {
            let identity = try TLSIdentity.load(certificatePath: file, keyPath: folder.path + "/server.key")
            let pair = try TLSPair(
                server: .server(identity: identity, applicationProtocols: ["secam/1"]),
                client: .client(
                    trust: .authorities(file: folder.path + "/root.pem"), serverName: "camera.example",
                    applicationProtocols: ["secam/1"]))
            try pair.run()
            #expect(pair.atClient.events.count == (isTrusted ? 1 : 0), "\(pair.atClient.errors)")
            #expect(pair.atClient.errors.count == (isTrusted ? 0 : 1))
        }
    }

    @Test func `an encrypted key is an error instead of a prompt`() async throws {
        let folder = try ScratchFolder()
        let plain = try folder.identityFile()
        let encrypted = folder.path + "/encrypted.key"
        let result = try await run(
            .name("openssl"),
            arguments: ["pkcs8", "-topk8", "-in", plain, "-out", encrypted, "-passout", "pass:secret"],
            output: .discarded)
        try #require(result.terminationStatus.isSuccess)
        let error = #expect(throws: TLSError.self) {
            try TLSIdentity.load(certificatePath: plain, keyPath: encrypted)
        }
        guard case .malformedFile(encrypted, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("no unencrypted PEM private key"))
    }
}
