import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRegistry
import SecamTLS
import SecamWire

/// Reloads certificate and key when their files change or on SIGHUP, as after a renewal.
actor CertificateReloader {
    typealias Files = (path: String, key: String)
    typealias Use = @Sendable (TLSIdentity) throws -> Void

    private let files: Files
    private let logger: Logger
    /// The versions of the files when they were last read.
    private var version: [DataFolder.FileVersion]
    private var fingerprint: CertificateFingerprint
    /// The last problem, already logged. While a certificate and its key are replaced one after the other, they do not
    /// match for a moment.
    private var problem: String?

    /// Time between two checks of the files.
    private static let interval = Duration.seconds(1)

    /// - Parameter fingerprint: the fingerprint of the certificate in use.
    init(_ files: Files, fingerprint: CertificateFingerprint, logger: Logger) {
        self.files = files
        self.fingerprint = fingerprint
        self.logger = logger
        version = []
    }

    /// Reads a certificate and its key. Logs a warning when the certificate expires soon or others may read the key.
    static func load(_ files: Files, logger: Logger) throws(TLSError) -> TLSIdentity {
        let identity = try TLSIdentity.load(certificatePath: files.path, keyPath: files.key)
        let days = identity.daysLeft(at: WallClock.now / 1_000_000)
        if days < TLSIdentity.warningDays {
            logger.warning("certificate expires soon", metadata: ["file": "\(files.path)", "days": "\(days)"])
        }
        if identity.keyIsReadableByOthers {
            logger.warning("private key readable by others", metadata: ["file": "\(files.key)"])
        }
        return identity
    }

    /// Reloads the files until cancelled.
    ///
    /// - Parameter use: called with each new certificate.
    func run(_ use: @escaping Use) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    await self.reload(isForced: false, use)
                    try? await Task.sleep(for: Self.interval)
                }
            }
            group.addTask { await HangupSignals.forEach { await self.reload(isForced: true, use) } }
        }
    }

    private func reload(isForced: Bool, _ use: Use) {
        let current = [DataFolder.FileVersion(of: files.path), DataFolder.FileVersion(of: files.key)]
        guard isForced || current != version || problem != nil else { return }
        version = current
        do {
            let identity = try TLSIdentity.load(certificatePath: files.path, keyPath: files.key)
            problem = nil
            guard isForced || identity.fingerprint != fingerprint else { return }
            try use(try Self.load(files, logger: logger))
            fingerprint = identity.fingerprint
            logger.notice(
                "certificate loaded", metadata: ["sha256": "\(fingerprint)", "until": "\(identity.notAfterText)"])
        } catch {
            guard "\(error)" != problem else { return }
            problem = "\(error)"
            logger.error("certificate not loaded, previous one stays in use", metadata: ["reason": "\(error)"])
        }
    }
}
