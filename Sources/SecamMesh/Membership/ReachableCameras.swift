package import SecamWire

/// The reachable cameras of the roster, by name. Services to which the registry assigns cameras look them up here.
package struct ReachableCameras: Sendable {
    private var members: [Name: Roster.Member] = [:]

    package init() {}

    package subscript(name: Name) -> Roster.Member? { members[name] }

    /// Applies a change of the roster.
    ///
    /// - Returns: the cameras that have left or restarted; connections to them are obsolete.
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
