/// The limits of proto-spec/limits.md. A length or count is held against its limit before anything is
/// allocated for it.
package enum WireLimits {
    /// Bytes of one message between services, envelope included.
    package static let meshMessage = 64 << 20
    /// Bytes of one message from a viewer who is logged in, envelope included.
    package static let viewerMessage = 64 << 10
    /// Bytes of one message from a viewer before login, envelope included.
    package static let beforeLogin = 4 << 10
    /// Points in time, UTC microseconds: some 73,000 years around 1970.
    package static let times: ClosedRange<Int64> = -(1 << 61)...1 << 61
    /// The largest sequence number of a frame or event: 8,900 years at 1,000 frames a second. The counts of 65,535
    /// ranges of them add up within 64 bits.
    package static let sequence: UInt64 = 1 << 48
    /// Bytes of a camera's, service's or user's name in UTF-8.
    package static let name = 64
    /// Bytes of a text meant for people.
    package static let text = 1024
    /// Bytes of a password in UTF-8.
    package static let password = 1024
    /// Bytes of the token by which a gateway recognizes a device from which a user logged in before.
    package static let deviceToken = 32
    /// Bytes of a ZeroMQ endpoint.
    package static let endpoint = 256
    /// Members of a roster, and cameras of a list.
    package static let members = 4096
    /// Figures in one beat.
    package static let figures = 64
    /// Renditions in one result.
    package static let renditions = 8
    /// Credit that one peer can hold on one flow.
    package static let credit: UInt32 = 1024
    /// Recordings, events and gaps of one answer, each.
    package static let found = 4096
    /// Boxes of one event.
    package static let boxes = 16
    /// Zones of one camera.
    package static let zones = 32
    /// Cameras that a BEAT names as not recorded.
    package static let failingCameras = 256
    /// Causes in one BEAT, and in one STATUS.
    package static let causesOfMember = 8
    package static let causes = 8192
    /// Corners of one zone.
    package static let corners = 64
    /// Pixels on one side of a picture.
    package static let side = 16384
}
