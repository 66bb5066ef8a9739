import Glibc
import SecamTestSupport
import Testing

@testable import SecamTLS

@Suite struct IdentityTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private func error(_ certificatePath: String, _ keyPath: String) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSIdentity.load(certificatePath: certificatePath, keyPath: keyPath)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a self-signed identity is created once and kept`() throws {
        let directory = folder.path
        let first = try TLSIdentity.loadOrCreate(directory: directory, hostNames: ["gate", "::1", "127.0.0.1"])
        let second = try TLSIdentity.loadOrCreate(directory: directory, hostNames: ["another"])
        #expect(first.fingerprint == second.fingerprint)
        #expect(first.notBefore == 0 && first.notAfterText == "9999-12-31 23:59:59 UTC")
        #expect(!first.keyIsReadableByOthers)
        let (_, mode) = try PEMFile.read(directory + "/" + TLSIdentity.selfSignedFileName)
        #expect(mode == 0o600)
    }

    @Test(arguments: [-1_800_000_000, 1_000_000_000] as [Int64])
    func `a self-signed certificate made under a wrong clock is kept`(offset: Int64) throws {
        let made = Int64(time(nil)) + offset
        let pem = try TLSIdentity.selfSigned(names: "DNS:gate", validity: made...made + 3650 * 86_400)
        let path = try folder.write(TLSIdentity.selfSignedFileName, pem)
        let identity = try TLSIdentity.loadOrCreate(directory: folder.path, hostNames: ["gate"])
        #expect(try PEMFile.read(path).bytes == pem)
        #expect(identity.notBefore == made)
        let refusal = try #require(error(path, path))
        #expect("\(refusal)".contains("This machine's clock says"), "\(refusal)")
    }

    @Test func `an existing file is never overwritten`() throws {
        let path = try folder.write("kept", [1, 2, 3])
        #expect(try !PEMFile.create(path, [4]))
        #expect(try PEMFile.read(path).bytes == [1, 2, 3])
    }

    @Test(arguments: ["", "a,DNS:evil.example", "a b", "a\n", "ümlaut", "..", "1.2.3.4/8"])
    func `an invalid host name makes no certificate`(_ name: String) throws {
        #expect(throws: TLSError.self) {
            try TLSIdentity.loadOrCreate(directory: folder.path, hostNames: ["good", name])
        }
        #expect(!PEMFile.exists(folder.path + "/" + TLSIdentity.selfSignedFileName))
    }

    @Test func `a directory that cannot be created is named`() throws {
        let directory = try folder.write("file", [1]) + "/below"
        guard
            case .file(directory, _, _)? = #expect(
                throws: TLSError.self,
                performing: {
                    try TLSIdentity.loadOrCreate(directory: directory, hostNames: [])
                })
        else {
            Issue.record("the error does not name the directory")
            return
        }
    }

    @Test func `an expired certificate is rejected with its date`() throws {
        let file = try folder.identityFile(notBefore: -7200, notAfter: -3600)
        guard case .certificateExpired(file, let date, _)? = error(file, file) else {
            Issue.record("not refused")
            return
        }
        #expect(date.hasPrefix("20") && date.hasSuffix(" UTC"))
    }

    @Test func `a certificate that is not yet valid is rejected`() throws {
        let file = try folder.identityFile(notBefore: 3600, notAfter: 7200)
        guard case .certificateNotYetValid(file, _, _)? = error(file, file) else {
            Issue.record("not refused")
            return
        }
    }

    @Test func `a key of another certificate is rejected`() throws {
        let one = try folder.identityFile("one.pem")
        let two = try folder.identityFile("two.pem")
        #expect(error(one, two) == .keyDoesNotFit(certificatePath: one, keyPath: two))
    }

    @Test func `the days left show that a certificate expires soon`() throws {
        let file = try folder.identityFile(notAfter: 10 * 86_400 + 60)
        let identity = try TLSIdentity.load(certificatePath: file, keyPath: file)
        #expect(identity.daysLeft(at: Int64(time(nil))) == 10)
        #expect(identity.daysLeft(at: Int64(time(nil))) < TLSIdentity.warningDays)
    }

    @Test func `unusable files are named`() throws {
        let good = try folder.identityFile()
        let empty = try folder.write("empty", [])
        let text = try folder.write("text", Array("hello".utf8))
        let cut = try folder.write("cut", PEMFile.read(good).bytes.dropLast(200))
        let large = try folder.write("large", [UInt8](repeating: 10, count: TLSLimits.pemFileBytes + 1))
        let certificate = try PEMFile.read(good).bytes
        let many = try folder.write("many", Array((0...TLSLimits.chainLength).map { _ in certificate }.joined()))
        for path in [empty, text, cut, large, many] {
            guard case .malformedFile(path, _)? = error(path, good) else {
                Issue.record("\(path): \(String(describing: error(path, good)))")
                continue
            }
        }
        for path in [empty, text, large] {
            guard case .malformedFile(path, _)? = error(good, path) else {
                Issue.record("\(path): \(String(describing: error(good, path)))")
                continue
            }
        }
        for path in [folder.path + "/missing"] {
            guard case .file(path, "open", _)? = error(path, good) else {
                Issue.record("\(path)")
                continue
            }
        }
        guard case .malformedFile(folder.path, _)? = error(folder.path, good) else {
            Issue.record("a folder was taken for a file")
            return
        }
    }
}
