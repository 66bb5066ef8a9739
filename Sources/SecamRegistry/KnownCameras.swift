package import SecamBase
package import SecamWire

/// The cameras that have joined, by name. The gateway remembers them, so that one that does not come back after a restart
/// is missed.
package struct KnownCameras: Sendable, Equatable {
    package private(set) var names: Set<Name>

    package init(_ names: Set<Name> = []) { self.names = names }

    /// As a data folder has them; none when its file is missing or cannot be read.
    package init(in folder: DataFolder) {
        let text = (try? SecretFile.readIfThere(folder.cameras)) ?? ""
        names = Set(text.split(separator: "\n").compactMap { try? Name(String($0)) })
    }

    package func write(to folder: DataFolder) throws(SecretFile.Failure) {
        try SecretFile.write(names.sorted().map { "\($0)\n" }.joined(), to: folder.cameras)
    }

    package mutating func remove(where isLeft: (Name) -> Bool) { names = names.filter { !isLeft($0) } }
}
