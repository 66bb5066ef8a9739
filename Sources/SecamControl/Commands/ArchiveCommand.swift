import ArgumentParser
import Glibc
import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRecording
import SecamRegistry
import SecamWire

/// `secam archive`: maintains recordings.
struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Check, verify and remove recordings, and rebuild their index.",
        subcommands: [Check.self, Rebuild.self, Verify.self, Clock.self, Remove.self])

    struct Folder: ParsableArguments {
        @OptionGroup var data: DataOption
        @Option(help: "Folder of the recordings. (SECAM_RECORDINGS; default: recordings in the data folder)")
        var recordings: String?
        @Flag(help: "Print one JSON object.") var json = false

        var folder: RecordingFolder {
            let path =
                recordings ?? ProgramEnvironment.variables["SECAM_RECORDINGS"] ?? "\(data.folder.path)/recordings"
            return RecordingFolder(path)
        }

        /// Opens the index of existing recordings.
        ///
        /// - Throws: when there is none, so that a mistyped path creates no empty index.
        func index() throws -> RecordingIndex {
            let folder = try existing()
            guard folder.hasIndex else {
                throw CommandError(
                    "\(folder.path) has no index; check --recordings, or create one with 'secam archive rebuild'",
                    .noInput)
            }
            return try RecordingIndex(folder)
        }

        /// - Throws: when the folder does not exist.
        func existing() throws(CommandError) -> RecordingFolder {
            let folder = folder
            guard unsafe access(folder.path, F_OK) == 0 else {
                throw CommandError("\(folder.path) does not exist; check --recordings or --data", .noInput)
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
            commandName: "check", abstract: "Compare the recordings with the index.",
            discussion: "Exit status: 0 when they agree, 65 when they differ.")
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let differences = try ArchiveCheck.compare(try folder.index())
                let summary = differences.isEmpty ? "files and index agree" : "\(differences.count) differences"
                folder.print(differences, [:], summary)
                guard differences.isEmpty else {
                    throw CommandError("files and index differ; rebuild the index with 'secam archive rebuild'", .data)
                }
            }
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebuild", abstract: "Rebuild the index from the recordings.",
            discussion: "Stop all archives that use the folder first.")
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let lock = try VolumeLock(folder.existing(), isAlone: true)
                let (count, foreign) = try rebuild()
                withExtendedLifetime(lock) {
                    folder.print(foreign, ["segments": "\(count)"], "\(count) recordings in the index")
                }
            }
        }

        /// Rebuilds the index. It keeps a damaged one under another name, so that its data can still be rescued.
        private func rebuild() throws -> (segments: Int, foreign: [ArchiveCheck.Difference]) {
            do {
                return try ArchiveCheck.rebuild(try RecordingIndex(folder.folder), progress: progress)
            } catch RecordingError.index(let path, _, let reason) {
                for suffix in ["", "-wal", "-shm"] {
                    _ = unsafe rename(path + suffix, path + suffix + ".damaged")
                }
                StandardError.print("secam: the index was damaged (\(reason)) and is kept as \(path).damaged\n")
                return try ArchiveCheck.rebuild(try RecordingIndex(folder.folder), progress: progress)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Verify that no other program changed or removed recordings.",
            discussion: """
                Exit status: 0 when every recording is unchanged, 65 when another program changed or removed one. Keep the \
                printed head in another place: a later chain that contains it has the same history up to it.
                """)
        @OptionGroup var folder: Folder

        func run() async throws {
            await reportingErrors {
                let proof = try ArchiveCheck.verify(try folder.index(), progress: progress)
                let summary =
                    "\(proof.segments) recordings verified, \(proof.released) removed by retention, head \(proof.head)"
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

extension ArchiveCommand {
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove the recordings of a camera.",
            discussion: """
                Archives may run meanwhile. Protected recordings ('secam-view protect --release' removes the protection) \
                and open ones stay. 'secam archive verify' accepts recordings that this command removed.
                """)
        @OptionGroup var folder: Folder
        @Argument(help: "Camera name.")
        var camera: String
        @Option(help: "Minimum age of the recordings to remove, such as 30d. (default: remove all)")
        var olderThan: String?
        @Flag(help: "Remove the recordings instead of only counting them.")
        var yes = false

        func run() async throws {
            await reportingErrors {
                let name = try CameraName.check(camera)
                let age = try olderThan.map { text in
                    guard let seconds = DurationText.seconds(text), seconds < 1 << 40 else {
                        throw CommandError("--older-than '\(text)': expected \(DurationText.expected)")
                    }
                    return Int64(seconds) * 1_000_000
                }
                let index = try folder.index()
                let time = age.map { WallClock.now - $0 } ?? .max
                let found = try index.segments(of: name, from: .min, to: time)
                guard !found.isEmpty else {
                    throw CommandError("\(folder.folder.path) has no such recordings of camera '\(name)'", .noInput)
                }
                guard yes else {
                    let size = found.reduce(UInt64(0)) { $0.addingSaturated($1.bytes) } >> 20
                    throw CommandError("this removes \(found.count) recordings, \(size) MiB; confirm with --yes")
                }
                let store = try RecordingStore(
                    index, writer: "by hand", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0),
                    logger: Logger.lines("archive")
                )
                let removed = try store.remove(allOf: name, before: time)
                let fields: KeyValuePairs = [
                    "removed": "\(removed.count)", "bytes": "\(removed.bytes)", "left": "\(removed.left)",
                ]
                var summary = "\(removed.count) recordings removed, \(removed.bytes >> 20) MiB"
                if removed.left > 0 { summary += "; \(removed.left) left: protected, being recorded or younger" }
                folder.print([], fields, summary)
            }
        }
    }

    struct Clock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "clock",
            abstract: "Show the archive's clock for retention, and confirm the wall clock.",
            discussion: """
                The age of a recording is the time that the archive has seen pass since it was recorded. When the wall \
                clock was set by more than five minutes, or the machine was off for more than a day, retention by age \
                stops until the clock agrees again, a time service has synchronized it, or you confirm it.
                """)
        @OptionGroup var folder: Folder
        @Flag(help: "Accept the wall clock as correct; recordings keep their age.")
        var confirm = false
        @Flag(help: "With --confirm: count the clock's step as time that passed, so that recordings become older.")
        var elapsed = false

        func validate() throws {
            guard confirm || !elapsed else { throw ValidationError("--elapsed needs --confirm.") }
        }

        func run() async throws {
            await reportingErrors {
                let index = try folder.index()
                if confirm { _ = try index.confirmClock(isElapsed: elapsed) }
                let clock = try index.clock
                StandardOutput.print(folder.json ? json(clock) + "\n" : text(clock))
            }
        }

        private func text(_ clock: RetentionClock) -> String {
            let expected = UTCText.text(microseconds: clock.expectedWall)
            return switch clock.doubt {
            case nil: "clock is trusted; retention by age is active\n"
            case .step(let by):
                "clock was set by \(by); expected \(expected); retention by age is suspended\n"
            case .absence(let by):
                "clock is \(by) ahead of the time that the archive has seen pass; expected \(expected); "
                    + "retention by age is suspended\n"
            }
        }

        private func json(_ clock: RetentionClock) -> String {
            let (reason, ahead): (String, Duration) =
                switch clock.doubt {
                case nil: ("none", .zero)
                case .step(let by): ("step", by)
                case .absence(let by): ("absence", by)
                }
            return JSONText.object([
                "doubt": JSONText.string(reason), "ahead_seconds": "\(ahead.components.seconds)",
                "expected": JSONText.string(UTCText.iso(microseconds: clock.expectedWall)),
            ])
        }
    }
}

/// Shows the progress on a terminal.
private func progress(_ done: Int, _ all: Int) {
    guard isatty(2) == 1, all > 0 else { return }
    StandardError.print("\r\(done) of \(all)" + (done == all ? "\n" : ""))
}
