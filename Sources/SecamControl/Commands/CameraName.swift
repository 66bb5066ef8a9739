import SecamBase
import SecamMesh
package import SecamWire

/// Checks camera names from the command line and from files.
package enum CameraName {
    /// - Throws: an error that contains the name.
    package static func check(_ text: String) throws(CommandError) -> Name {
        guard !text.contains(DedicatedEncoders.separator) else {
            throw CommandError("the camera name '\(JSONText.escaped(text))' is not usable: leave the @ out")
        }
        // In the key list, an asterisk is a wildcard.
        guard !text.contains("*") else {
            throw CommandError("the camera name '\(JSONText.escaped(text))' is not usable: leave the * out")
        }
        do throws(NameError) {
            return try Name(text)
        } catch {
            throw CommandError("the camera name '\(JSONText.escaped(text))' is \(error)")
        }
    }
}
