import SecamMesh
import SecamRegistry
import SecamWire

/// The cameras that the gateway has seen, with the numbers by which viewers address them.
///
/// A camera whose service is gone stays in the directory as offline while its key is admitted.
struct CameraDirectory {
    private struct Entry {
        let number: UInt32
        var report: CameraReport
        var member: Roster.Member?
        var recording = Registry.CameraRecording(.off)
        /// When the camera's service left, UTC microseconds.
        var left: Int64 = 0

        /// The problems of the camera and of its recording, for users.
        var detail: String {
            guard recording.health == .stopped, !recording.cause.isEmpty else { return report.detail }
            let stopped = "recording stopped: \(recording.cause)"
            return report.detail.isEmpty ? stopped : "\(report.detail); \(stopped)"
        }
    }

    private var entries: [Name: Entry] = [:]
    private var namesByNumber: [UInt32: Name] = [:]
    private var forgotten: [UInt32] = []

    /// Maximum cameras whose service is gone. The longest gone makes room for a new one.
    private static let goneLimit = 256

    /// All cameras by name, as viewers see them.
    var cameras: [Cameras.Camera] {
        entries.sorted { $0.key < $1.key }.map { name, entry in
            guard entry.member != nil else {
                return Cameras.Camera(
                    camera: entry.number, state: .offline, width: 0, height: 0, frameRate: 0, since: entry.left,
                    name: name, detail: "the capture service is stopped or unreachable")
            }
            let report = entry.report
            return Cameras.Camera(
                camera: entry.number, state: report.state, recording: entry.recording.health, width: report.width,
                height: report.height, frameRate: report.frameRate, since: report.since, name: name,
                detail: entry.detail)
        }
    }

    var names: Set<Name> { Set(entries.keys) }

    /// Cameras whose service is gone.
    var gone: [Cameras.Camera] { cameras.filter { entries[$0.name]?.member == nil } }

    /// Adds cameras known before the gateway's start as offline.
    ///
    /// - Parameter time: the start of their absence, UTC microseconds.
    mutating func recall(_ names: Set<Name>, time: Int64) {
        for name in names.sorted() where entries[name] == nil {
            let number = freshNumber()
            namesByNumber[number] = name
            let report = CameraReport(
                state: .offline, format: nil, width: 0, height: 0, frameRate: 0, since: time, source: "", detail: "")
            entries[name] = Entry(number: number, report: report, member: nil, left: time)
        }
        forgetLongestGone()
    }

    /// Forgets absent cameras that match.
    mutating func forgetGone(where isOver: (Name) -> Bool) {
        for (name, entry) in entries where entry.member == nil && isOver(name) { forget(name, entry) }
    }

    func report(_ number: UInt32) -> CameraReport? {
        namesByNumber[number].flatMap { entries[$0]?.report }
    }

    func member(_ number: UInt32) -> Roster.Member? {
        namesByNumber[number].flatMap { entries[$0]?.member }
    }

    /// Returns a random unused number. Random numbers do not reveal how many cameras there are. The highest bit marks
    /// replays.
    private func freshNumber() -> UInt32 {
        while true {
            let number = UInt32.random(in: 1..<Replay.flowBit)
            if namesByNumber[number] == nil { return number }
        }
    }

    /// Replaces the cameras that are present.
    ///
    /// - Parameter recordings: the recording state of each camera that should be recorded.
    /// - Returns: the numbers of cameras whose service was replaced or is gone.
    mutating func update(
        _ cameras: [Registry.Camera], recordings: [Name: Registry.CameraRecording], time: Int64
    ) -> [UInt32] {
        var changed: [UInt32] = []
        for camera in cameras {
            let name = camera.member.name
            if entries[name] == nil {
                let number = freshNumber()
                namesByNumber[number] = name
                entries[name] = Entry(number: number, report: camera.report, member: camera.member)
                changed.append(number)
            } else {
                if entries[name]!.member != camera.member { changed.append(entries[name]!.number) }
                entries[name]!.member = camera.member
                entries[name]!.report = camera.report
            }
        }
        for camera in cameras { entries[camera.member.name]!.recording = recordings[camera.member.name] ?? .init(.off) }
        let present = Set(cameras.map(\.member.name))
        for (name, entry) in entries where entry.member != nil && !present.contains(name) {
            entries[name]!.member = nil
            entries[name]!.left = time
            changed.append(entry.number)
        }
        forgetLongestGone()
        return changed
    }

    /// Returns the numbers of cameras that were forgotten since the last call.
    mutating func takeForgotten() -> [UInt32] {
        defer { forgotten = [] }
        return forgotten
    }

    private mutating func forgetLongestGone() {
        let gone = entries.filter { $0.value.member == nil }.sorted { $0.value.left < $1.value.left }
        for (name, entry) in gone.dropLast(CameraDirectory.goneLimit) { forget(name, entry) }
    }

    private mutating func forget(_ name: Name, _ entry: Entry) {
        entries[name] = nil
        namesByNumber[entry.number] = nil
        forgotten.append(entry.number)
    }
}
