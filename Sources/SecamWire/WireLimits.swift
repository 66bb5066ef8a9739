/// The limits of proto-spec/limits.md. A length or count is held against its limit before anything is
/// allocated for it.
public enum WireLimits {
    /// Bytes of one message between services, envelope included.
    public static let meshMessage = 64 << 20
    /// Bytes of one message from a viewer who is logged in, envelope included.
    public static let viewerMessage = 64 << 10
    /// Bytes of one message from a viewer before login, envelope included.
    public static let beforeLogin = 4 << 10
    /// Points in time, UTC microseconds: some 73,000 years around 1970.
    public static let times: ClosedRange<Int64> = -(1 << 61)...1 << 61
    /// The largest sequence number of a frame or event: 8,900 years at 1,000 frames a second. The counts of 65,535
    /// ranges of them add up within 64 bits.
    public static let sequence: UInt64 = 1 << 48
    /// Bytes of a camera's, service's or user's name in UTF-8.
    public static let name = 64
    /// Bytes of a text meant for people.
    public static let text = 1024
    /// Bytes of a password in UTF-8.
    public static let password = 1024
    /// Bytes of the token by which a gateway recognizes a device from which a user logged in before.
    public static let deviceToken = 32
    /// Bytes of a ZeroMQ endpoint.
    public static let endpoint = 256
    /// Members of a roster, and cameras of a list.
    public static let members = 4096
    /// Figures in one beat.
    public static let figures = 64
    /// Renditions in one result.
    public static let renditions = 8
    /// Credit that one peer can hold on one flow.
    public static let credit: UInt32 = 1024
    /// Recordings, events and gaps of one answer, each.
    public static let found = 4096
    /// Boxes of one event.
    public static let boxes = 16
    /// Zones of one camera.
    public static let zones = 32
    /// Cameras that a BEAT names as not recorded.
    public static let failingCameras = 256
    /// Causes in one BEAT, and in one STATUS.
    public static let causesOfMember = 8
    public static let causes = 8192
    /// Corners of one zone.
    public static let corners = 64
    /// Pixels on one side of a picture.
    public static let side = 16384
}
