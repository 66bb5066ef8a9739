import SecamUsers
import SecamWire

extension Search {
    /// Returns the search, restricted to the cameras that a user may see; `nil` when it names none of these.
    func restricted(to rights: CameraRights) -> Search? {
        let names = Set(cameras.map(\.name)).sorted()
        let visible: [Name]
        switch rights {
        case .all: visible = names
        case .only(let own):
            let known = names.isEmpty ? own.sorted() : names.filter { own.contains($0) }
            visible = Array(known.prefix(WireLimits.members))
            // An empty list would search all cameras. Invisible cameras get the same answer as nonexistent ones.
            guard !visible.isEmpty else { return nil }
        }
        return Search(
            request: request, kinds: kinds, from: from, to: to, cameras: visible.map { Search.Camera(name: $0) },
            limit: limit)
    }
}
