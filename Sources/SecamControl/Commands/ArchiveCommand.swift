import ArgumentParser
import Glibc
import Logging
import SecamBase
import SecamMesh
import SecamProcess
import SecamRecording
import SecamRegistry
import SecamWire

/// `secam archive`: looks after recordings.
struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Check, rebuild, verify and remove recordings.",
        subcommands: [Check.self, Rebuild.self, Verify.self, Clock.self, Remove.self])

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

extension ArchiveCommand {
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove the recordings of a camera, as of one that is gone; archives may run meanwhile.",
            discussion: """
                What is protected stays ('secam-view protect --release' lets it go), and so does what is being recorded. \
                'secam archive verify' knows that it was removed by hand.
                """)
        @OptionGroup var folder: Folder
        @Argument(help: "The camera's name.")
        var camera: String
        @Option(help: "Only what was recorded before this long ago, as 30d.")
        var olderThan: String?
        @Flag(help: "Remove them; without it only say how many there are.")
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
                    throw CommandError("nothing is recorded of '\(name)' in \(folder.folder.path)", .noInput)
                }
                guard yes else {
                    let size = found.reduce(UInt64(0)) { $0.addingSaturated($1.bytes) } >> 20
                    throw CommandError("this removes \(found.count) recordings, \(size) MiB; say so with --yes")
                }
                let vault = try RecordingStore(
                    index, writer: "by hand", limits: StorageQuota(bytes: nil, free: 0), logger: Logger.lines("archive")
                )
                let removed = try vault.remove(allOf: name, before: time)
                let fields: KeyValuePairs = [
                    "removed": "\(removed.count)", "bytes": "\(removed.bytes)", "left": "\(removed.left)",
                ]
                var summary = "\(removed.count) recordings removed, \(removed.bytes >> 20) MiB"
                if removed.left > 0 { summary += "; \(removed.left) are protected, being recorded or younger" }
                folder.print([], fields, summary)
            }
        }
    }

    struct Clock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "clock",
            abstract: "Show the time by which the age of recordings is judged; confirm the wall clock.",
            discussion: """
                The age of a recording is the time that the archive has seen pass since it was recorded. When the wall \
                clock was set by more than five minutes, or the machine was off for more than a day, nothing is removed \
                for its age until the clock agrees again, a time service has synchronized it, or you confirm it.
                """)
        @OptionGroup var folder: Folder
        @Flag(help: "Take the wall clock as right; recordings keep their age.")
        var confirm = false
        @Flag(help: "With --confirm: the time that the clock is ahead by really passed, and counts as age.")
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
            case nil: "clock is believed; retention by age is active\n"
            case .step(let by):
                "clock was set by \(by); expected \(expected); retention by age is suspended\n"
            case .absence(let by):
                "clock is \(by) ahead of the time that was seen to pass; expected \(expected); "
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
