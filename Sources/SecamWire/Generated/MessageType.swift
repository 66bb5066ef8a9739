// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// The code of each message; proto-spec/README.md lists who may send which.
package enum MessageType: UInt16, Sendable, CaseIterable, CustomStringConvertible {
    /// PING
    case ping = 0x0001
    /// PONG
    case pong = 0x0002
    /// ERROR
    case error = 0x0003
    /// BYE
    case bye = 0x0004
    /// OPEN
    case openFlow = 0x0010
    /// CREDIT
    case credit = 0x0011
    /// FRAME
    case frame = 0x0012
    /// GAP
    case gap = 0x0013
    /// ACK
    case acknowledge = 0x0014
    /// CLOSE
    case closeFlow = 0x0015
    /// EVENT
    case event = 0x0016
    /// DETECTION
    case detection = 0x0017
    /// GRANT
    case grant = 0x0020
    /// WORK
    case work = 0x0021
    /// RESULT
    case result = 0x0022
    /// SHARE
    case share = 0x0023
    /// JOIN
    case join = 0x0030
    /// BEAT
    case beat = 0x0031
    /// ROSTER
    case roster = 0x0032
    /// POLICY
    case policy = 0x0033
    /// REFUSED
    case refused = 0x0034
    /// CAMERA
    case camera = 0x0035
    /// LEAVE
    case leave = 0x0036
    /// STATUS_REQUEST
    case statusRequest = 0x0037
    /// STATUS
    case status = 0x0038
    /// ASSIGNMENT
    case assignment = 0x0039
    /// RECORDING
    case recording = 0x003a
    /// CALL
    case call = 0x003b
    /// HELLO
    case hello = 0x0040
    /// LOGIN
    case login = 0x0041
    /// WELCOME
    case welcome = 0x0042
    /// DENIED
    case denied = 0x0043
    /// CAMERAS
    case cameras = 0x0044
    /// WATCH
    case watch = 0x0045
    /// UNWATCH
    case unwatch = 0x0046
    /// FOLLOW
    case follow = 0x0047
    /// SEARCH
    case search = 0x0050
    /// FOUND
    case found = 0x0051
    /// REPLAY
    case replay = 0x0052
    /// PROTECT
    case protect = 0x0053

    /// The message's name in the protocol.
    package var description: String {
        switch self {
        case .ping: "PING"
        case .pong: "PONG"
        case .error: "ERROR"
        case .bye: "BYE"
        case .openFlow: "OPEN"
        case .credit: "CREDIT"
        case .frame: "FRAME"
        case .gap: "GAP"
        case .acknowledge: "ACK"
        case .closeFlow: "CLOSE"
        case .event: "EVENT"
        case .detection: "DETECTION"
        case .grant: "GRANT"
        case .work: "WORK"
        case .result: "RESULT"
        case .share: "SHARE"
        case .join: "JOIN"
        case .beat: "BEAT"
        case .roster: "ROSTER"
        case .policy: "POLICY"
        case .refused: "REFUSED"
        case .camera: "CAMERA"
        case .leave: "LEAVE"
        case .statusRequest: "STATUS_REQUEST"
        case .status: "STATUS"
        case .assignment: "ASSIGNMENT"
        case .recording: "RECORDING"
        case .call: "CALL"
        case .hello: "HELLO"
        case .login: "LOGIN"
        case .welcome: "WELCOME"
        case .denied: "DENIED"
        case .cameras: "CAMERAS"
        case .watch: "WATCH"
        case .unwatch: "UNWATCH"
        case .follow: "FOLLOW"
        case .search: "SEARCH"
        case .found: "FOUND"
        case .replay: "REPLAY"
        case .protect: "PROTECT"
        }
    }
}
