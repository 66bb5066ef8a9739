import SecamMesh
import SecamWire

/// Rendezvous hashing of cameras to services: each camera belongs to the service with the greatest weight, so a change
/// of the services moves only their own cameras.
enum Rendezvous {
    /// Returns a weight: FNV-1a over both texts, then SplitMix64's finalizer, since names differ in few bits.
    static func weight(of camera: Name, at candidate: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array(camera.text.utf8) + [0] + Array(candidate.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    /// Returns the candidate with the greatest weight for a camera; `nil` without candidates.
    static func choose<Candidate>(for camera: Name, among candidates: [String: Candidate]) -> Candidate? {
        candidates.max { left, right in
            (weight(of: camera, at: left.key), left.key) < (weight(of: camera, at: right.key), right.key)
        }?.value
    }
}

/// The services of one role, to which cameras are hashed by key, then by network, then by name.
///
/// A key gets the share of one key however many services join with it, and a network gets the share of one network. So
/// the holder of a copied key cannot take over more cameras by starting more services.
struct AssignmentTree<Service> {
    private var keys: [String: [String: [String: Service]]] = [:]

    mutating func add(_ service: Service, key: PublicKey, network: String, name: Name) {
        keys["\(key)", default: [:]][network, default: [:]][name.text] = service
    }

    func owner(of camera: Name) -> Service? {
        guard let networks = Rendezvous.choose(for: camera, among: keys),
            let names = Rendezvous.choose(for: camera, among: networks)
        else { return nil }
        return Rendezvous.choose(for: camera, among: names)
    }
}
