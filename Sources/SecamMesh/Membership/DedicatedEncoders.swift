package import SecamWire

/// Encoders that work for one camera alone, as those on its own machine: their names are `CAMERA@…`.
///
/// Their key shows them no other camera's pictures, and that camera's pictures stay with them as long as they keep up.
package enum DedicatedEncoders {
    /// No camera's name contains it, so that none of them begins like another one's encoders.
    package static let sign: Character = "@"

    /// The name of the camera that an encoder of this name works for, as it stands there, whether there can be such a
    /// camera or not; `nil` when it works for all.
    package static func camera(ofEncoder name: Name) -> String? {
        name.text.lastIndex(of: sign).map { String(name.text[..<$0]) }
    }
}
