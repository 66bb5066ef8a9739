import SecamBase
import SecamProcess
import SecamRecording

/// The volumes that an archive has recorded to, in a file beside its join file with one line `VOLUME FOLDER` each.
///
/// When the disk of the recordings is not mounted, their folder exists but is empty. Recording into it would fill the
/// system's disk.
struct KnownVolumes {
    private let path: String
    private var volumes: [String: String] = [:]

    /// - Parameter path: the path of the join file.
    init(besideJoinFile path: String) throws(SecretFile.Failure) {
        self.path = path + ".volumes"
        for line in (try SecretFile.readIfThere(self.path) ?? "").split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { volumes[String(words[1])] = String(words[0]) }
        }
    }

    /// Checks that a folder that held recordings before still does.
    func check(_ folder: RecordingFolder) throws(MissingVolume) {
        guard let volume = volumes[folder.path], !folder.hasIndex else { return }
        throw MissingVolume(folder: folder.path, volume: volume, knownVolumesFile: path)
    }

    /// Remembers the volume in a folder.
    ///
    /// - Throws: an error if the file cannot be written, as where the join file's folder is read-only.
    mutating func remember(_ index: RecordingIndex) throws(SecretFile.Failure) {
        let volume = String(index.volume, radix: 16)
        guard volumes[index.folder.path] != volume else { return }
        volumes[index.folder.path] = volume
        let lines = volumes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }
        try SecretFile.write(lines.joined(), to: path)
    }
}

/// The error that a folder no longer holds the recordings that it held.
struct MissingVolume: ProgramError {
    let folder: String
    let volume: String
    /// The file with the known volumes.
    let knownVolumesFile: String

    var exitStatus: ExitStatus { .unavailable }

    var description: String {
        "\(folder): the recordings of volume \(volume) are missing; is their disk mounted? To start anew in this folder, "
            + "remove its line from \(knownVolumesFile)."
    }
}
