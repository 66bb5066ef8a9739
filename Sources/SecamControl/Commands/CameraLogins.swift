import SecamBase
import SecamWire

/// The file of the cameras' logins, one `NAME=USER:PASSWORD` a line.
struct CameraLogins {
    private var logins: [Name: String] = [:]
    private let path: String

    init(path: String) throws {
        self.path = path
        let lines = try SecretFile.read(path).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            guard let equals = line.firstIndex(of: "="), line[equals...].contains(":") else {
                throw CommandError("\(path), line \(index + 1): expected NAME=USER:PASSWORD")
            }
            logins[try CameraName.check(String(line[..<equals]))] = String(line[line.index(after: equals)...])
        }
    }

    /// A camera's login, `USER:PASSWORD`.
    subscript(name: Name) -> String? { logins[name] }

    func requireCameras(_ names: [Name]) throws(CommandError) {
        guard let other = logins.keys.first(where: { !names.contains($0) }) else { return }
        throw CommandError("\(path): there is no --camera '\(other)' for this login; add one, or remove the line")
    }
}
