import SecamWire

/// The number of members of each role. The gateway stores it, so after a restart it knows when all members are back and
/// assigns cameras without further delay.
package struct MemberCount: Sendable, Equatable {
    private var counts: [Role: Int]

    package init() { counts = [:] }

    init(of roles: some Sequence<Role>) { counts = roles.reduce(into: [:]) { $0[$1, default: 0] += 1 } }

    /// - Parameter text: one line `ROLE COUNT` for each role. Invalid lines are skipped: a wrong count only costs
    ///   seconds.
    package init(parsing text: String) {
        self.init()
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count == 2, let role = Role(String(words[0])), let count = Int(words[1]), count > 0 else {
                continue
            }
            counts[role] = count
        }
    }

    package var text: String {
        counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)\n" }.joined()
    }

    /// Returns whether there are at least as many members of each role.
    func contains(_ other: MemberCount) -> Bool { other.counts.allSatisfy { counts[$0.key, default: 0] >= $0.value } }
}
