import SecamMesh
import SecamRegistry
import SecamWire

/// The archives that own volumes, by their names in the key list. Only the owner may answer for a volume.
///
/// The first archive that reports a volume owns it until its name is removed from the list. The owners are stored in a
/// file, so that after a restart no other archive can claim a volume first. The file has one line per volume,
/// `VOLUME NAME`, in the order of registration: the volume as 16 hexadecimal digits, the name as in the key list,
/// where it may stand for a pool (see `KeyList`).
struct VolumeOwners: Sendable, Equatable {
    /// Maximum volumes of one name. A name's archives may have a disk each, and a rebuilt index is a new volume.
    static let volumesPerName = 256

    enum Claim: Equatable {
        case owned
        /// The volume had no owner before.
        case registered
        case foreign(owner: String)
        /// The name's archives hold `volumesPerName` volumes now.
        case tooMany
    }

    private(set) var owners: [UInt64: Owner] = [:]
    private var lastOrder = 0

    struct Owner: Sendable, Equatable {
        let name: String
        /// Grows with each registered volume.
        let order: Int
    }

    init() {}

    /// - Parameter path: the file's path, for errors.
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
        return "# VOLUME NAME: the archive that owns a volume of recordings; revoking its key releases the volume.\n"
            + lines.joined()
    }

    /// Returns a volume's name in messages and files.
    static func text(of volume: UInt64) -> String {
        let digits = String(volume, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Claims a volume for an archive with this name.
    ///
    /// A name with too many volumes gives up the newest one that is not present. An archive that keeps reporting new
    /// volumes thereby displaces only its own.
    ///
    /// - Parameter present: volumes that connected archives hold now.
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

    /// Releases the volumes of archives that are no longer on the key list.
    ///
    /// - Returns: whether any volume was released.
    mutating func release(notOn list: KeyList) -> Bool {
        let names = Set(list.entries.lazy.filter { $0.role == .archive }.map(\.pattern))
        let kept = owners.filter { names.contains($0.value.name) }
        defer { owners = kept }
        return kept.count < owners.count
    }
}
