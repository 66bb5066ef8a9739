import SecamBase
import SecamProcess

/// Where a camera keeps what no archive takes, and how much of it.
struct SpoolSettings: Sendable, Equatable {
    let folder: String
    /// Bytes.
    let limit: Int

    private static let megabytes = 16...1_000_000
    private static let usualMegabytes = 1024

    /// Makes the folder where there is none.
    ///
    /// - Returns: `nil` when no folder is named.
    /// - Throws: when the folder cannot be made or written to.
    init?(_ settings: Settings) throws {
        let megabytes = try settings.integer(
            "spool.megabytes", in: SpoolSettings.megabytes, default: SpoolSettings.usualMegabytes)
        guard let folder = settings.text("spool") else {
            guard settings.text("spool.megabytes") == nil else {
                throw SettingsError(
                    key: "spool.megabytes", value: "\(megabytes)", expected: "a folder with --spool besides")
            }
            return nil
        }
        try SecretFile.makeFolder(folder)
        self.folder = folder
        limit = megabytes << 20
    }
}
