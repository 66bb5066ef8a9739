import SecamMesh
import SecamRegistry
import SecamWire

/// The archives that own volumes, by their names in the list of keys: no other key may answer for a volume.
///
/// The first archive that reports a volume owns it until its name is taken off the list. The owners outlive the gateway, so
/// that a restart does not let another archive be first. Their file has one line a volume, `VOLUME NAME`, the volume as 16
/// hexadecimal digits, the name as in the list of keys, where it may stand for a pool (see `Allowlist`); the line of the
/// volume that was registered first comes first.
struct VolumeOwners: Sendable, Equatable {
    /// Volumes of one name: its archives may have a disk each, and a rebuilt index is another volume.
    static let volumesPerName = 256

    enum Claim: Equatable {
        case owned
        /// The volume had no owner before.
        case registered
        case foreign(owner: String)
        /// The name's archives have `volumesPerName` volumes at this moment.
        case tooMany
    }

    private(set) var owners: [UInt64: Owner] = [:]
    private var lastOrder = 0

    struct Owner: Sendable, Equatable {
        let name: String
        /// Grows with each volume that is registered.
        let order: Int
    }

    init() {}

    /// - Parameter path: where the text was read, for errors.
    init(parsing text: String, path: String) throws(MeshError) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].utf8.count == 16, let volume = UInt64(words[0], radix: 16) else {
                throw .badLine(path: path, line: index + 1, reason: "expected VOLUME NAME")
            }
            register(volume, String(words[1]))
        }
    }

    var text: String {
        let lines = owners.sorted { $0.value.order < $1.value.order }.map { volume, owner in
            "\(VolumeOwners.text(of: volume)) \(owner.name)\n"
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
    ///
    /// - Parameter present: volumes that archives have at this moment. Where the name has too many, the last one that was
    ///   registered and that no archive has makes room: who tells of ever new ones takes the places of its own.
    mutating func claim(_ volume: UInt64, by name: String, present: Set<UInt64> = []) -> Claim {
        if let owner = owners[volume] { return owner.name == name ? .owned : .foreign(owner: owner.name) }
        let own = owners.filter { $0.value.name == name }
        if own.count >= VolumeOwners.volumesPerName {
            let away = own.filter { !present.contains($0.key) }
            guard let leaving = away.max(by: { $0.value.order < $1.value.order }) else { return .tooMany }
            owners[leaving.key] = nil
        }
        register(volume, name)
        return .registered
    }

    private mutating func register(_ volume: UInt64, _ name: String) {
        lastOrder += 1
        owners[volume] = Owner(name: name, order: lastOrder)
    }

    /// Lets go of the volumes of archives that are not on the list of keys any more.
    ///
    /// - Returns: whether there were any.
    mutating func release(notOn list: Allowlist) -> Bool {
        let names = Set(list.entries.lazy.filter { $0.role == .archive }.map(\.pattern))
        let kept = owners.filter { names.contains($0.value.name) }
        defer { owners = kept }
        return kept.count < owners.count
    }
}
