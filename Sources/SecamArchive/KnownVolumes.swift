import SecamBase
import SecamProcess
import SecamRecording

/// Where an archive has recorded before, in a file beside its join file: one line a folder, `VOLUME FOLDER`.
///
/// When the disk of the recordings is not mounted, their folder is there all the same, and empty: recording into it would
/// fill the disk of the system.
struct KnownVolumes {
    private let path: String
    private var volumes: [String: String] = [:]

    /// - Parameter path: of the join file.
    init(besideJoinFile path: String) throws(SecretFile.Failure) {
        self.path = path + ".volumes"
        for line in (try SecretFile.readIfThere(self.path) ?? "").split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { volumes[String(words[1])] = String(words[0]) }
        }
    }

    /// - Throws: when recordings were in the folder, and it has none now.
    func check(_ folder: RecordingFolder) throws(MissingVolume) {
        guard let volume = volumes[folder.path], !folder.hasIndex else { return }
        throw MissingVolume(folder: folder.path, volume: volume, memory: path)
    }

    /// Remembers what is in the folder now.
    ///
    /// - Throws: when it cannot be written, as where the join file's folder is only to be read: then nothing is remembered.
    mutating func remember(_ index: RecordingIndex) throws(SecretFile.Failure) {
        let volume = String(index.volume, radix: 16)
        guard volumes[index.folder.path] != volume else { return }
        volumes[index.folder.path] = volume
        let lines = volumes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }
        try SecretFile.write(lines.joined(), to: path)
    }
}

/// The recordings' folder is not the one that it was.
struct MissingVolume: ProgramError {
    let folder: String
    let volume: String
    /// The file that remembers it.
    let memory: String

    var exitStatus: ExitStatus { .unavailable }

    var description: String {
        "\(folder): recordings were here (volume \(volume)) and are gone; is their disk mounted? To begin anew in this "
            + "folder, remove its line from \(memory)"
    }
}
