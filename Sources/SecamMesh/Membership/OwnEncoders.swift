public import SecamWire

/// Encoders that work for one camera alone, as those on its own machine: their names are `CAMERA@…`.
///
/// Their key shows them no other camera's pictures, and that camera's pictures stay with them as long as they keep up.
public enum OwnEncoders {
    static let sign: Character = "@"

    /// The camera that an encoder of this name works for; `nil` when it works for all.
    public static func camera(ofEncoder name: Name) -> Name? {
        guard let end = name.text.lastIndex(of: sign) else { return nil }
        return try? Name(String(name.text[..<end]))
    }
}
