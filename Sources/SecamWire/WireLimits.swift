/// The limits of proto-spec/limits.md. Every length and count is checked against its limit before any allocation.
package enum WireLimits {
    /// Maximum size of a message between services, bytes, including the envelope.
    package static let meshMessage = 64 << 20
    /// Maximum size of a message to a consumer of a camera or to a client of an archive, bytes, including the envelope.
    /// A JPEG of 3840x2160 pixels has 1 to 6 MB. A larger message would delay the others of its receiver.
    package static let frameMessage = 16 << 20
    /// Maximum size of a message from a viewer after login, bytes, including the envelope.
    package static let viewerMessage = 64 << 10
    /// Maximum size of a message from a viewer before login, bytes, including the envelope.
    package static let beforeLogin = 4 << 10
    /// The valid times, UTC microseconds: about 73,000 years before and after 1970.
    package static let times: ClosedRange<Int64> = -(1 << 61)...1 << 61
    /// The largest sequence number of a frame or event: 8,900 years at 1,000 frames a second. The lengths of 65,535
    /// ranges add up within 64 bits.
    package static let sequence: UInt64 = 1 << 48
    /// Maximum length of a name of a camera, service or user, bytes of UTF-8.
    package static let name = 64
    /// Maximum length of a human-readable text, bytes of UTF-8.
    package static let text = 1024
    /// Maximum length of a password, bytes of UTF-8.
    package static let password = 1024
    /// Size of the token by which a gateway recognizes a device of an earlier login, bytes.
    package static let deviceToken = 32
    /// Maximum length of a ZeroMQ endpoint, bytes.
    package static let endpoint = 256
    /// Maximum number of members of a roster, and of cameras of a list.
    package static let members = 4096
    /// Maximum number of figures in one BEAT.
    package static let figures = 64
    /// Maximum number of renditions in one RESULT.
    package static let renditions = 8
    /// Maximum credit of one peer on one flow.
    package static let credit: UInt32 = 1024
    /// Maximum number of recordings, of events and of gaps in one answer.
    package static let found = 4096
    /// Maximum number of boxes of one event.
    package static let boxes = 16
    /// Maximum number of zones of one camera.
    package static let zones = 32
    /// Maximum number of failing cameras in one BEAT.
    package static let failingCameras = 256
    /// Maximum number of causes in one BEAT and in one STATUS.
    package static let causesOfMember = 8
    package static let causes = 8192
    /// Maximum number of corners of one zone.
    package static let corners = 64
    /// Maximum width and height of a picture, pixels.
    package static let side = 16384
}
