import CV4L2
import Glibc

/// A camera of this machine.
package struct V4L2DeviceInfo: Hashable, Sendable {
    /// `/dev/videoN`. The number may change when cameras are plugged in again.
    package let path: String
    package let number: Int
    /// The camera's own name.
    package let card: String
    package let driver: String
    /// The port of the camera.
    package let bus: String
    /// The permanent name in `/dev/v4l/by-id`; `nil` if udev created none.
    package let stablePath: String?
}

/// The cameras of this machine.
package enum V4L2Devices {
    private static let nodeLimit = 1024

    /// Returns every `/dev/video*` that can capture and stream, by number. Metadata nodes, outputs, codecs, parts of a
    /// pipeline, and devices without read permission are excluded.
    package static func list() -> [V4L2DeviceInfo] {
        let stablePaths = stablePaths()
        return nodes().compactMap { number in
            let path = "/dev/video\(number)"
            guard let capability = try? capability(of: path).get(), capability.captures, capability.streams,
                !capability.isPartOfPipeline
            else { return nil }
            return V4L2DeviceInfo(
                path: path, number: number, card: capability.card, driver: capability.driver, bus: capability.bus,
                stablePath: stablePaths[path])
        }
    }

    /// Returns the number of a node name such as `video12`; `nil` for other names.
    static func number(ofNode name: String) -> Int? {
        guard name.hasPrefix("video") else { return nil }
        let digits = name.utf8.dropFirst("video".utf8.count)
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func nodes() -> [Int] {
        names(in: "/dev").compactMap(number(ofNode:)).sorted()
    }

    private static func capability(of path: String) -> Result<V4L2Capability, V4L2Error> {
        Result { () throws(V4L2Error) in try V4L2Node(path).capability() }
    }

    /// Returns the names in `/dev/v4l/by-id` by `/dev/videoN`.
    private static func stablePaths() -> [String: String] {
        let folder = "/dev/v4l/by-id"
        var paths: [String: String] = [:]
        for name in names(in: folder).sorted() {
            guard let resolved = unsafe realpath("\(folder)/\(name)", nil) else { continue }
            defer { unsafe free(resolved) }
            paths[unsafe String(cString: resolved)] = "\(folder)/\(name)"
        }
        return paths
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while names.count < nodeLimit, let entry = unsafe readdir(directory) {
            let name = unsafe V4L2Capability.text(of: entry.pointee.d_name)
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
