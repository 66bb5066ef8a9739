package import SecamBase
package import SecamWire

/// The names of cameras that have joined. The gateway stores them to detect a camera that does not come back after a
/// restart.
package struct KnownCameras: Sendable, Equatable {
    package private(set) var names: Set<Name>

    package init(_ names: Set<Name> = []) { self.names = names }

    /// Reads the names from a data folder; none without a readable file.
    package init(in folder: DataFolder) {
        let text = (try? SecretFile.readIfThere(folder.cameras)) ?? ""
        names = Set(text.split(separator: "\n").compactMap { try? Name(String($0)) })
    }

    package func write(to folder: DataFolder) throws(SecretFile.Failure) {
        try SecretFile.write(names.sorted().map { "\($0)\n" }.joined(), to: folder.cameras)
    }

    package mutating func remove(where isLeft: (Name) -> Bool) { names = names.filter { !isLeft($0) } }
}
