import Glibc
import SecamBase
import SecamProcess
import SecamTLS
import SecamTestSupport
import Testing

@testable import SecamClient

@Suite("The file of accepted gateways")
struct KnownHostsTests {
    private let one = try! PublicKeyFingerprint("SPKI-SHA256:" + String(repeating: "11", count: 32))
    private let other = try! PublicKeyFingerprint("SPKI-SHA256:" + String(repeating: "22", count: 32))
    private let certificate = try! CertificateFingerprint(String(repeating: "33", count: 32))

    @Test func `an accepted gateway is stored in a file that only its user can read`() throws {
        let folder = try ScratchFolder()
        let hosts = KnownHosts(path: folder.file("new/secam/known_hosts"))
        let server = try ServerAddress("cam.example:1")
        #expect(try hosts.entries(for: server) == [])
        try hosts.add(server, one)
        try hosts.add(try ServerAddress("[::1]:2"), other)
        #expect(try hosts.entries(for: server) == [KnownHosts.Entry(pin: .key(one), line: 1)])
        #expect(try hosts.entries(for: try ServerAddress("[::1]:2")) == [KnownHosts.Entry(pin: .key(other), line: 2)])
        #expect(try hosts.entries(for: try ServerAddress("cam.example:2")) == [])
        var status = stat()
        #expect(unsafe stat(hosts.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `comments and empty lines are ignored, and an unterminated line is completed`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("known", "# mine\n\n  a:1  SHA256:\(certificate)")
        let hosts = KnownHosts(path: path)
        try hosts.add(try ServerAddress("b:1"), other)
        #expect(try hosts.entries(for: try ServerAddress("a:1")).map(\.line) == [3])
        #expect(try hosts.entries(for: try ServerAddress("b:1")).map(\.line) == [4])
    }

    @Test(arguments: ["a:1", "a SHA256:00", "a:1 SHA256:zz", "a:1 x y"])
    func `a malformed line is an error`(_ line: String) throws {
        let folder = try ScratchFolder()
        let hosts = KnownHosts(path: try folder.write("known", "# c\n\(line)\n"))
        #expect(throws: ClientError.badKnownHosts(file: hosts.path, line: 2)) {
            try hosts.entries(for: try ServerAddress("b:1"))
        }
    }

    @Test func `an unknown gateway and a changed certificate are different errors`() throws {
        let folder = try ScratchFolder()
        let hosts = KnownHosts(path: folder.file("known"))
        let server = try ServerAddress("a:1")
        let seen = ClientError.untrusted(
            server: server,
            .untrusted(
                serverName: "a", presented: PresentedCertificate(fingerprint: certificate, key: other),
                reason: "refused"))
        #expect(try ServerTrust.pinned(hosts).explain(seen, server: server) == seen)
        try hosts.add(server, one)
        let changed = ClientError.certificateChanged(server: server, seen: certificate, file: hosts.path, lines: [1])
        #expect(try ServerTrust.pinned(hosts).explain(seen, server: server) == changed)
        #expect(changed.description.contains("deleting line 1 of \(hosts.path)"))
        #expect(changed.exitStatus == .noPermission)
        #expect(try ServerTrust.fingerprint(certificate).explain(seen, server: server) == seen)
    }

    @Test func `a pinned certificate is accepted, and its key is pinned too`() throws {
        let folder = try ScratchFolder()
        let server = try ServerAddress("a:1")
        let hosts = KnownHosts(path: try folder.write("known", "a:1 SHA256:\(certificate)\n"))
        func admits(_ presented: PresentedCertificate) throws -> Bool {
            guard case .decide(let decide) = try ServerTrust.pinned(hosts).policy(for: server) else { return false }
            return decide(presented)
        }
        let renewed = try CertificateFingerprint(String(repeating: "44", count: 32))
        #expect(try !admits(PresentedCertificate(fingerprint: renewed, key: one)), "nothing vouches for its key yet")
        #expect(try admits(PresentedCertificate(fingerprint: certificate, key: one)))
        #expect(try hosts.entries(for: server).map(\.pin) == [.certificate(certificate), .key(one)])
        #expect(try admits(PresentedCertificate(fingerprint: renewed, key: one)))
        #expect(try !admits(PresentedCertificate(fingerprint: renewed, key: other)))
        #expect(try hosts.entries(for: server).count == 2)
    }

    @Test func `the file's default path follows XDG_CONFIG_HOME and HOME`() {
        #expect(KnownHosts.defaultPath { ["XDG_CONFIG_HOME": "/x", "HOME": "/h"][$0] } == "/x/secam/known_hosts")
        #expect(KnownHosts.defaultPath { ["HOME": "/h"][$0] } == "/h/.config/secam/known_hosts")
        #expect(KnownHosts.defaultPath { _ in nil } == nil)
    }
}
