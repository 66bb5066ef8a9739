package import SecamWire

/// Encoders that work for one camera only, such as those on its own machine. Their names are `CAMERA@…`.
///
/// Their key gives them no access to other cameras' pictures, and the camera's pictures stay with them while they keep
/// up.
package enum DedicatedEncoders {
    /// Separates the camera's name from the encoder's. Camera names cannot contain it, so no prefix is ambiguous.
    package static let separator: Character = "@"

    /// Returns the name of the camera that an encoder works for, without checking that it exists; `nil` for an encoder
    /// that works for all cameras.
    package static func camera(ofEncoder name: Name) -> String? {
        name.text.lastIndex(of: separator).map { String(name.text[..<$0]) }
    }
}
