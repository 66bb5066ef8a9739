import SecamMesh
package import SecamWire

/// What the registry tells cameras, motion services and archives. It is asked again and again, since what holds can
/// depend on the time of day.
package protocol CameraPolicies: Sendable {
    /// What a camera is to be told now.
    func policy(for camera: Name) -> Policy
    /// How motion is to be looked for before a camera now; `nil` when it is not.
    func motion(for camera: Name) -> Assignment.Camera?
    /// How a camera is to be recorded now; `nil` when it is not.
    func recording(of camera: Name) -> Recording.Camera?
    /// Seconds after the last recording of a camera that is not admitted any more after which all of its recordings go; 0
    /// for never.
    var goneCameraKeep: UInt32 { get }
    /// The hosts that services may name as their own beside the address that they connect from, without brackets.
    var advertisedHosts: [String] { get }
}

/// Spreads cameras over services without a table: each camera belongs to the service with the greatest weight, so that one
/// service more or less moves only the cameras that are its own.
enum Rendezvous {
    /// FNV-1a over both texts, then the finalizer of SplitMix64, since names differ in few bits only.
    static func weight(of camera: Name, at place: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array(camera.text.utf8) + [0] + Array(place.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }

    /// The place with the greatest weight for a camera; `nil` when there is none.
    static func choose<Place>(for camera: Name, among places: [String: Place]) -> Place? {
        places.max { left, right in
            (weight(of: camera, at: left.key), left.key) < (weight(of: camera, at: right.key), right.key)
        }?.value
    }
}

/// The services of one role, among which cameras are spread by key, then by network, then by name.
///
/// So a key gets the share of one key however many services join with it, and one network the share of one network: who
/// holds a copy of a key that many services use cannot take more of their cameras by starting more services.
struct DutyTree<Service> {
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
