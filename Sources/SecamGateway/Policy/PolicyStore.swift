import Logging
import SecamBase
import SecamMesh
import SecamPolicy
import SecamRegistry

/// The policy file of a data folder, with a copy of the last text that was accepted.
///
/// With the copy, a gateway can start while the file is invalid. The copy of an accepted policy without a file is empty.
struct PolicyStore: Sendable {
    /// The policy to start with.
    struct Loaded: Sendable {
        let file: PolicyFile
        /// Why the policy file is not in force; `nil` when it is.
        let problem: PolicyError?
    }

    private let path: String
    private let lastGoodPath: String
    private let logger: Logger

    init(_ folder: DataFolder, logger: Logger) {
        path = folder.policy
        lastGoodPath = folder.lastGoodPolicy
        self.logger = logger
    }

    /// Reads the policy file, or its last good copy when the file is invalid. Blocks.
    ///
    /// - Throws: the file's error when there is no usable copy.
    func load() throws(PolicyError) -> Loaded {
        do throws(PolicyError) {
            return Loaded(file: try read(), problem: nil)
        } catch {
            guard let file = lastGood() else { throw error }
            logger.error(
                "policy invalid, last good policy in force",
                metadata: ["reason": "\(error)", "file": "\(lastGoodPath)"])
            return Loaded(file: file, problem: error)
        }
    }

    /// Reads the policy file and stores a copy of it. Blocks.
    func read() throws(PolicyError) -> PolicyFile {
        let text = try PolicyFile.text(at: path) ?? ""
        let file = try PolicyFile(parsing: text, path: path)
        storeCopy(text)
        return file
    }

    private func lastGood() -> PolicyFile? {
        do {
            guard let text = try PolicyFile.text(at: lastGoodPath) else { return nil }
            return try PolicyFile(parsing: text, path: lastGoodPath)
        } catch {
            logger.error("last good policy unusable", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func storeCopy(_ text: String) {
        do {
            guard try TrustedFile.readIfThere(lastGoodPath) != text else { return }
            try SecretFile.write(text, to: lastGoodPath)
        } catch {
            logger.warning(
                "last good policy not stored", metadata: ["file": "\(lastGoodPath)", "reason": "\(error)"])
        }
    }
}
