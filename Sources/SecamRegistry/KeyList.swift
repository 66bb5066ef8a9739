package import SecamMesh
package import SecamWire

/// The keys that the registry admits, with their roles and names.
///
/// The file has one line for each key: `KEY ROLE NAME`. A name that ends with `*` matches every name with this prefix,
/// for services that are started many times with one key. Empty lines and lines that begin with `#` are skipped.
package struct KeyList: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package let key: PublicKey
        package let role: Role
        package let pattern: String

        package init(key: PublicKey, role: Role, pattern: String) {
            self.key = key
            self.role = role
            self.pattern = pattern
        }

        package func admits(role: Role, name: Name) -> Bool {
            guard role == self.role else { return false }
            let bytes = name.text.utf8
            // Names with a separator belong to one camera's encoders, and limit the pictures that their key may see.
            let separator = DedicatedEncoders.separator
            guard !name.text.contains(separator) || pattern.contains(separator) else { return false }
            return pattern.last == "*"
                ? bytes.starts(with: pattern.dropLast().utf8) : bytes.elementsEqual(pattern.utf8)
        }
    }

    package private(set) var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    /// - Parameter path: the text's file, for errors.
    package init(parsing text: String, path: String) throws(MeshError) {
        entries = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 3, let role = Role(words[1]) else {
                throw .badLine(path: path, line: index + 1, reason: "expected KEY ROLE NAME")
            }
            guard let key = try? PublicKey(hexadecimal: words[0], what: "key") else {
                throw .badLine(path: path, line: index + 1, reason: "the key is not 64 hexadecimal digits")
            }
            guard KeyList.isUsable(pattern: words[2]) else {
                throw .badLine(path: path, line: index + 1, reason: "'\(words[2])' is not a valid name")
            }
            entries.append(Entry(key: key, role: role, pattern: words[2]))
        }
    }

    /// Returns whether a text is a name or a name's prefix followed by `*`.
    static func isUsable(pattern: String) -> Bool { pattern == "*" || (try? Name(pattern)) != nil }

    package var text: String {
        entries.map { "\($0.key) \($0.role) \($0.pattern)\n" }.joined()
    }

    package func contains(_ key: PublicKey) -> Bool { entries.contains { $0.key == key } }

    package func admits(_ key: PublicKey, role: Role, name: Name) -> Bool {
        entries.contains { $0.key == key && $0.admits(role: role, name: name) }
    }

    package func admits(_ key: PublicKey, role: Role) -> Bool {
        entries.contains { $0.key == key && $0.role == role }
    }

    /// All cameras that may join; `nil` when a pattern matches several.
    package var cameras: Set<Name>? {
        let patterns = entries.lazy.filter { $0.role == .capture }.map(\.pattern)
        return patterns.contains { $0.hasSuffix("*") } ? nil : Set(patterns.compactMap { try? Name($0) })
    }

    package func admitsCamera(_ name: Name) -> Bool { entries.contains { $0.admits(role: .capture, name: name) } }

    /// Returns the pattern that admits a service, which names a pool where it ends with `*`.
    package func pattern(for key: PublicKey, role: Role, name: Name) -> String? {
        entries.first { $0.key == key && $0.admits(role: role, name: name) }?.pattern
    }

    package mutating func add(_ entry: Entry) { entries.append(entry) }

    /// Removes all entries with a role and a pattern, and returns their number.
    @discardableResult
    package mutating func remove(role: Role?, pattern: String) -> Int {
        let before = entries.count
        entries.removeAll { (role == nil || $0.role == role) && $0.pattern == pattern }
        return before - entries.count
    }
}
