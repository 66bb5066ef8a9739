// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// The limits of proto-spec/limits.md. A length or count is checked against its limit before anything is
/// allocated for it.
package enum WireLimits {
    /// Message between services, envelope included, bytes.
    package static let meshMessage = 67_108_864
    /// Message from a camera to a consumer or from an archive, envelope included, bytes. A JPEG of 3840x2160 pixels has
    /// 1 to 6 MB. A larger message would delay others.
    package static let frameMessage = 16_777_216
    /// Message from a viewer who is logged in, envelope included, bytes.
    package static let viewerMessage = 65_536
    /// Message from a viewer before WELCOME, envelope included, bytes.
    package static let beforeLogin = 4096
    /// Distance of a point in time from 1970-01-01 00:00:00, in either direction, UTC microseconds.
    package static let times: ClosedRange<Int64> = -2_305_843_009_213_693_952...2_305_843_009_213_693_952
    /// Sequence number of a frame or event.
    package static let sequence: UInt64 = 281_474_976_710_656
    /// Name, username, group or software, in UTF-8, bytes.
    package static let name = 64
    /// Human-readable text, in UTF-8, bytes.
    package static let text = 1024
    /// Password, in UTF-8, bytes.
    package static let password = 1024
    /// Device token, bytes.
    package static let deviceToken = 32
    /// Code of a second factor, in UTF-8, bytes.
    package static let code = 32
    /// CURVE public key, bytes.
    package static let key = 32
    /// Ticket of a CALL or SHARE, bytes.
    package static let ticket = 32
    /// ZeroMQ endpoint, in UTF-8, bytes.
    package static let endpoint = 256
    /// Members of a roster, and cameras of a list.
    package static let members = 4096
    /// Figures of a member.
    package static let figures = 64
    /// Renditions of a result.
    package static let renditions = 8
    /// Credit of a flow, and jobs of a grant, frames.
    package static let credit: UInt32 = 1024
    /// Recordings, events and gaps of one FOUND, each.
    package static let found = 512
    /// Recordings, events and gaps of the answer to one SEARCH, each.
    package static let answer: UInt32 = 100_000
    /// Boxes of an event.
    package static let boxes = 16
    /// Zones of a camera.
    package static let zones = 32
    /// Corners of a zone.
    package static let corners = 64
    /// Cameras that a BEAT names as failing.
    package static let failingCameras = 256
    /// Causes of a BEAT.
    package static let causesOfMember = 8
    /// Causes of a STATUS.
    package static let causes = 8192
    /// Pre-roll and post-roll of a recording, seconds.
    package static let roll: UInt16 = 3600
    /// Side of a picture, pixels.
    package static let side = 16_384
    /// Memory file of a camera, bytes. It counts to the camera's memory, and an encoder maps it whole.
    package static let memoryFile = 67_108_864
    /// Slots of a memory file.
    package static let slots = 64
}
