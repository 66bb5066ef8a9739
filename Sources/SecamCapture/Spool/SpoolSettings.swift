import SecamBase
import SecamProcess

/// The folder and maximum size of a camera's spool.
struct SpoolSettings: Sendable, Equatable {
    let folder: String
    /// Maximum size, bytes.
    let limit: Int

    private static let megabytes = 16...1_000_000
    private static let defaultMegabytes = 1024

    /// Reads the settings.
    ///
    /// - Returns: `nil` if no folder is set.
    /// - Throws: also if the folder cannot be written to, or is missing and cannot be created.
    init?(_ settings: Settings) throws {
        let megabytes = try settings.integer(
            "spool.megabytes", in: SpoolSettings.megabytes, default: SpoolSettings.defaultMegabytes)
        guard let folder = settings.text("spool") else {
            guard settings.text("spool.megabytes") == nil else {
                throw SettingsError(
                    key: "spool.megabytes", value: "\(megabytes)", expected: "to be used together with --spool")
            }
            return nil
        }
        try SecretFile.checkFolder(folder)
        self.folder = folder
        limit = megabytes << 20
    }
}
