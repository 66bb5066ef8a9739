/// A folder of this user's files (XDG Base Directory Specification).
struct UserFolder {
    static let configuration = UserFolder(variable: "XDG_CONFIG_HOME", standard: ".config")
    static let state = UserFolder(variable: "XDG_STATE_HOME", standard: ".local/state")

    /// The variable that names the folder of all programs.
    private let variable: String
    /// Its path in the home folder when the variable is not set.
    private let standard: String

    /// Returns the path of secam's part; `nil` when neither the variable nor HOME is set.
    func path(_ environment: (String) -> String?) -> String? {
        if let folder = environment(variable), folder.hasPrefix("/") { return "\(folder)/secam" }
        guard let home = environment("HOME"), !home.isEmpty else { return nil }
        return "\(home)/\(standard)/secam"
    }
}
