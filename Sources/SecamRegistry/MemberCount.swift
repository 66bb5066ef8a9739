import SecamWire

/// How many services of each role have joined. The gateway remembers it: after its next start it knows when all are back,
/// and need not wait any longer before it gives them their cameras.
package struct MemberCount: Sendable, Equatable {
    private var counts: [Role: Int]

    package init() { counts = [:] }

    init(of roles: some Sequence<Role>) { counts = roles.reduce(into: [:]) { $0[$1, default: 0] += 1 } }

    /// - Parameter text: one line a role, `ROLE COUNT`. Lines that are no such are passed over: what is remembered here
    ///   saves seconds and nothing else.
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

    /// Whether there are as many of each role as there.
    func contains(_ other: MemberCount) -> Bool { other.counts.allSatisfy { counts[$0.key, default: 0] >= $0.value } }
}
