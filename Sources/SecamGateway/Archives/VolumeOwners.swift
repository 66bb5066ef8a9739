import SecamMesh

/// The archive keys that own volumes: no other key may answer for a volume.
///
/// The first key that reports a volume owns it until the key is revoked. The list outlives the gateway, so that a restart
/// does not let another key be first. Its file has one line a volume, `VOLUME KEY`, the volume as 16 hexadecimal digits.
struct VolumeOwners: Sendable, Equatable {
    /// Volumes of one key: its archives may have a disk each, and a rebuilt index is another volume.
    static let volumesPerKey = 256

    enum Claim: Equatable {
        case owned
        /// The volume had no owner before.
        case registered
        case foreign(owner: PublicKey)
        /// The key has `volumesPerKey` volumes already.
        case tooMany
    }

    private(set) var owners: [UInt64: PublicKey] = [:]

    init() {}

    /// - Parameter path: where the text was read, for errors.
    init(parsing text: String, path: String) throws(MeshError) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0].utf8.count == 16, let volume = UInt64(words[0], radix: 16),
                let key = try? PublicKey(hexadecimal: String(words[1]), what: "key")
            else { throw .badLine(path: path, line: index + 1, reason: "expected VOLUME KEY") }
            owners[volume] = key
        }
    }

    var text: String {
        let lines = owners.sorted { $0.key < $1.key }.map { volume, key in
            "\(VolumeOwners.text(of: volume)) \(key)\n"
        }
        return
            "# VOLUME KEY: the archive's key that owns a volume of recordings. A key that is revoked loses its volumes.\n"
            + lines.joined()
    }

    /// A volume as people see it.
    static func text(of volume: UInt64) -> String {
        let digits = String(volume, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// An archive with this key reports the volume.
    mutating func claim(_ volume: UInt64, by key: PublicKey) -> Claim {
        if let owner = owners[volume] { return owner == key ? .owned : .foreign(owner: owner) }
        guard owners.values.count(where: { $0 == key }) < VolumeOwners.volumesPerKey else { return .tooMany }
        owners[volume] = key
        return .registered
    }

    /// Lets go of the volumes of keys that are not admitted any more.
    ///
    /// - Returns: whether there were any.
    mutating func release(unless isAdmitted: (PublicKey) -> Bool) -> Bool {
        let kept = owners.filter { isAdmitted($0.value) }
        defer { owners = kept }
        return kept.count < owners.count
    }
}
