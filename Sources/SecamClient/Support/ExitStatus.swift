/// What the program's exit status says, as sysexits.h numbers it.
public enum ExitStatus: Int32, Sendable {
    case success = 0
    /// Wrong options or arguments.
    case usage = 64
    /// A file's content is not what it should be.
    case data = 65
    /// There is no such camera.
    case noInput = 66
    /// The gateway does not answer, or goes away for good.
    case unavailable = 69
    /// Something of this machine fails, such as the display.
    case system = 71
    /// A file cannot be made, or is there already.
    case cannotCreate = 73
    case inputOutput = 74
    /// The gateway breaks the protocol.
    case `protocol` = 76
    /// Login refused, or the gateway's certificate not trusted.
    case denied = 77
    /// Contradictory or unusable settings.
    case configuration = 78
}
