package import SecamWire

/// The cameras of the roster that can be reached, by name: what a service chooses from that is given its cameras.
package struct ReachableCameras: Sendable {
    private var members: [Name: Roster.Member] = [:]

    package init() {}

    package subscript(name: Name) -> Roster.Member? { members[name] }

    /// Takes over what has changed in the roster.
    ///
    /// - Returns: the cameras that are gone or started anew, so that connections to them are of no use any more.
    package mutating func adopt(added: [Roster.Member], removed: [Roster.Member]) -> [Name] {
        var stale: [Name] = []
        for old in removed where old.role == .capture && members[old.name] == old {
            members[old.name] = nil
            stale.append(old.name)
        }
        for new in added where new.role == .capture && !new.endpoint.isEmpty {
            if members.updateValue(new, forKey: new.name) != nil { stale.append(new.name) }
        }
        return stale
    }
}
