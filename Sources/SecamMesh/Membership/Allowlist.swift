public import SecamWire

/// Which keys the registry admits, and as what.
///
/// Its file has one line a key: `KEY ROLE NAME`, where a name that ends with `*` stands for any name that begins so,
/// for services that are started many times with one key. Empty lines and lines that begin with `#` are passed over.
public struct Allowlist: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let key: PublicKey
        public let role: Role
        public let pattern: String

        public init(key: PublicKey, role: Role, pattern: String) {
            self.key = key
            self.role = role
            self.pattern = pattern
        }

        public func admits(role: Role, name: Name) -> Bool {
            guard role == self.role else { return false }
            let bytes = name.text.utf8
            // Names with an `@` are those of one camera's encoders, which decides what their key may see.
            guard !bytes.contains(UInt8(ascii: "@")) || pattern.utf8.contains(UInt8(ascii: "@")) else { return false }
            return pattern.last == "*"
                ? bytes.starts(with: pattern.dropLast().utf8) : bytes.elementsEqual(pattern.utf8)
        }
    }

    public private(set) var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// - Parameter path: where the text was read, for the error's sake.
    public init(parsing text: String, path: String) throws(MeshError) {
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
            guard Allowlist.isUsable(pattern: words[2]) else {
                throw .badLine(path: path, line: index + 1, reason: "'\(words[2])' is not usable as a name")
            }
            entries.append(Entry(key: key, role: role, pattern: words[2]))
        }
    }

    /// Whether a text can stand for a name, or for all that begin so.
    static func isUsable(pattern: String) -> Bool { pattern == "*" || (try? Name(pattern)) != nil }

    public var text: String {
        entries.map { "\($0.key) \($0.role) \($0.pattern)\n" }.joined()
    }

    public func contains(_ key: PublicKey) -> Bool { entries.contains { $0.key == key } }

    public func admits(_ key: PublicKey, role: Role, name: Name) -> Bool {
        entries.contains { $0.key == key && $0.admits(role: role, name: name) }
    }

    public func admits(_ key: PublicKey, role: Role) -> Bool {
        entries.contains { $0.key == key && $0.role == role }
    }

    /// All cameras that may join; `nil` when a pattern stands for several.
    public var cameras: Set<Name>? {
        let patterns = entries.lazy.filter { $0.role == .capture }.map(\.pattern)
        return patterns.contains { $0.hasSuffix("*") } ? nil : Set(patterns.compactMap { try? Name($0) })
    }

    public func admitsCamera(_ name: Name) -> Bool { entries.contains { $0.admits(role: .capture, name: name) } }

    /// The name under which the list admits a service, which stands for a pool where it ends with `*`.
    public func pattern(for key: PublicKey, role: Role, name: Name) -> String? {
        entries.first { $0.key == key && $0.admits(role: role, name: name) }?.pattern
    }

    public mutating func add(_ entry: Entry) { entries.append(entry) }

    /// Removes all entries of a role whose pattern is this text; returns how many there were.
    @discardableResult
    public mutating func remove(role: Role?, pattern: String) -> Int {
        let before = entries.count
        entries.removeAll { (role == nil || $0.role == role) && $0.pattern == pattern }
        return before - entries.count
    }
}
