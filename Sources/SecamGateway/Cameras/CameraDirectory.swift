import SecamMesh
import SecamWire

/// Every camera that the gateway has seen since its start, with the number that viewers know it by. A camera that is
/// gone stays on the list, offline.
struct CameraDirectory {
    private struct Entry {
        let number: UInt32
        var report: CameraReport
        var member: Roster.Member?
        /// When its service left, UTC microseconds.
        var left: Int64 = 0
    }

    private var entries: [Name: Entry] = [:]
    private var names: [Name] = []

    /// What viewers are shown.
    var cameras: [Cameras.Camera] {
        entries.sorted { $0.key < $1.key }.map { name, entry in
            guard entry.member != nil else {
                return Cameras.Camera(
                    camera: entry.number, state: .offline, width: 0, height: 0, frameRate: 0, since: entry.left,
                    name: name, detail: "its capture service is not running or cannot be reached")
            }
            let report = entry.report
            return Cameras.Camera(
                camera: entry.number, state: report.state, width: report.width, height: report.height,
                frameRate: report.frameRate, since: report.since, name: name, detail: report.detail)
        }
    }

    func member(_ number: UInt32) -> Roster.Member? {
        guard number > 0, Int(number) <= names.count else { return nil }
        return entries[names[Int(number) - 1]]?.member
    }

    /// Takes over what the registry knows.
    ///
    /// - Returns: numbers of the cameras whose service is another one now, or gone.
    mutating func update(_ cameras: [Registry.Camera], time: Int64) -> [UInt32] {
        var changed: [UInt32] = []
        for camera in cameras {
            let name = camera.member.name
            if entries[name] == nil {
                names.append(name)
                entries[name] = Entry(number: UInt32(names.count), report: camera.report, member: camera.member)
                changed.append(UInt32(names.count))
            } else {
                if entries[name]!.member != camera.member { changed.append(entries[name]!.number) }
                entries[name]!.member = camera.member
                entries[name]!.report = camera.report
            }
        }
        let present = Set(cameras.map(\.member.name))
        for (name, entry) in entries where entry.member != nil && !present.contains(name) {
            entries[name]!.member = nil
            entries[name]!.left = time
            changed.append(entry.number)
        }
        return changed
    }
}
