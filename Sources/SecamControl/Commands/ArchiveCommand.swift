import ArgumentParser
internal import Glibc
import SecamConfig
import SecamMesh
import SecamRecording

/// `secam archive`: looks after recordings.
struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Checks, rebuilds and verifies recordings.",
        subcommands: [Check.self, Rebuild.self, Verify.self])

    struct Folder: ParsableArguments {
        @OptionGroup var data: DataOption
        @Option(help: "Folder of the recordings. (SECAM_RECORDINGS; default: recordings in the data folder)")
        var recordings: String?
        @Flag(help: "One JSON object.") var json = false

        var folder: RecordingFolder {
            let path =
                recordings ?? ProgramEnvironment.variables["SECAM_RECORDINGS"] ?? "\(data.folder.path)/recordings"
            return RecordingFolder(path)
        }

        /// - Throws: when there are no recordings, instead of making an empty folder.
        func index() throws -> RecordingIndex {
            let folder = try existing()
            guard folder.hasIndex else {
                throw CommandError(
                    "\(folder.path) has no index; is it the folder of the recordings? 'secam archive rebuild' makes one",
                    .noInput)
            }
            return try RecordingIndex(folder)
        }

        /// - Throws: when there is no such folder.
        func existing() throws(CommandError) -> RecordingFolder {
            let folder = folder
            guard unsafe access(folder.path, F_OK) == 0 else {
                throw CommandError("\(folder.path): there is no such folder (--recordings, --data)", .noInput)
            }
            return folder
        }

        func print(_ differences: [ArchiveCheck.Difference], _ fields: KeyValuePairs<String, String>, _ summary: String)
        {
            guard json else {
                return StandardOutput.print(differences.map { "\($0)\n" }.joined() + summary + "\n")
            }
            let list = differences.map {
                JSONText.object(["file": JSONText.string($0.path), "what": JSONText.string($0.what)])
            }
            StandardOutput.print(
                JSONText.object([("differences", JSONText.array(list))] + fields.map { ($0.key, $0.value) }) + "\n")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Compares files and index; status 65 when they differ.")
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let differences = try ArchiveCheck.compare(try folder.index())
                let summary = differences.isEmpty ? "files and index agree" : "\(differences.count) differences"
                folder.print(differences, [:], summary)
                guard differences.isEmpty else {
                    throw CommandError("files and index differ; 'secam archive rebuild' makes the index anew", .data)
                }
            }
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebuild", abstract: "Makes the index anew from the files; archives must not run meanwhile.")
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let lock = try VolumeLock(folder.existing(), isAlone: true)
                let (count, foreign) = try rebuild()
                withExtendedLifetime(lock) {
                    folder.print(foreign, ["segments": "\(count)"], "\(count) recordings are in the index")
                }
            }
        }

        /// A damaged index is put aside, so that what can be saved of it is not lost.
        private func rebuild() throws -> (segments: Int, foreign: [ArchiveCheck.Difference]) {
            do {
                return try ArchiveCheck.rebuild(try RecordingIndex(folder.folder), progress: progress)
            } catch RecordingError.index(let path, _, let reason) {
                for suffix in ["", "-wal", "-shm"] {
                    _ = unsafe rename(path + suffix, path + suffix + ".damaged")
                }
                Terminal.note("the index was damaged (\(reason)) and is kept as \(path).damaged")
                return try ArchiveCheck.rebuild(try RecordingIndex(folder.folder), progress: progress)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Proves that nothing was changed, or removed other than by retention; status 65 when it was.",
            discussion:
                "Note the head that it prints somewhere else: a later chain with the same head has the same past.")
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let proof = try ArchiveCheck.verify(try folder.index(), progress: progress)
                let summary =
                    "\(proof.segments) recordings verified, \(proof.released) let go by retention, head \(proof.head)"
                folder.print(
                    proof.differences,
                    [
                        "segments": "\(proof.segments)", "released": "\(proof.released)",
                        "head": JSONText.string(proof.head),
                    ], summary)
                guard proof.differences.isEmpty else { throw CommandError("recordings were changed or removed", .data) }
            }
        }
    }
}

/// How far it has come, on a terminal.
private func progress(_ done: Int, _ all: Int) {
    guard isatty(2) == 1, all > 0 else { return }
    Terminal.write("\r\(done) of \(all)" + (done == all ? "\n" : ""))
}

private enum Terminal {
    static func note(_ text: String) { write("secam: \(text)\n") }

    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(2, bytes, bytes.count)
    }
}
