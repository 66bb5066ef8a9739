import SecamMesh
import SecamWire

/// The archives that own volumes, by their names in the list of keys: no other key may answer for a volume.
///
/// The first archive that reports a volume owns it until its name is taken off the list. The owners outlive the gateway, so
/// that a restart does not let another archive be first. Their file has one line a volume, `VOLUME NAME`, the volume as 16
/// hexadecimal digits, the name as in the list of keys, where it may stand for a pool (see `Allowlist`).
struct VolumeOwners: Sendable, Equatable {
    /// Volumes of one name: its archives may have a disk each, and a rebuilt index is another volume.
    static let volumesPerName = 256

    enum Claim: Equatable {
        case owned
        /// The volume had no owner before.
        case registered
        case foreign(owner: String)
        /// The name has `volumesPerName` volumes already.
        case tooMany
    }

    private(set) var owners: [UInt64: String] = [:]

    init() {}

    /// - Parameter path: where the text was read, for errors.
    init(parsing text: String, path: String) throws(MeshError) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].utf8.count == 16, let volume = UInt64(words[0], radix: 16) else {
                throw .badLine(path: path, line: index + 1, reason: "expected VOLUME NAME")
            }
            owners[volume] = String(words[1])
        }
    }

    var text: String {
        let lines = owners.sorted { $0.key < $1.key }.map { volume, name in
            "\(VolumeOwners.text(of: volume)) \(name)\n"
        }
        return "# VOLUME NAME: the archive that owns a volume of recordings; one whose key is revoked loses it.\n"
            + lines.joined()
    }

    /// A volume as people see it.
    static func text(of volume: UInt64) -> String {
        let digits = String(volume, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// An archive with this name reports the volume.
    mutating func claim(_ volume: UInt64, by name: String) -> Claim {
        if let owner = owners[volume] { return owner == name ? .owned : .foreign(owner: owner) }
        guard owners.values.count(where: { $0 == name }) < VolumeOwners.volumesPerName else { return .tooMany }
        owners[volume] = name
        return .registered
    }

    /// Lets go of the volumes of archives that are not on the list of keys any more.
    ///
    /// - Returns: whether there were any.
    mutating func release(notOn list: Allowlist) -> Bool {
        let names = Set(list.entries.lazy.filter { $0.role == .archive }.map(\.pattern))
        let kept = owners.filter { names.contains($0.value) }
        defer { owners = kept }
        return kept.count < owners.count
    }
}
