/// A program's exit status: the result of a check, or an error number of sysexits.h.
package enum ExitStatus: Int32, Sendable {
    case success = 0
    /// A check found a problem, such as an invalid file or a degraded system.
    case problem = 1
    /// A check found that the system is down.
    case down = 2
    /// The command line is invalid.
    case usage = 64
    /// Input data is invalid.
    case data = 65
    /// An input file or a camera does not exist or cannot be read.
    case noInput = 66
    /// A required resource is unavailable, such as a port or a gateway.
    case unavailable = 69
    /// An internal error occurred.
    case software = 70
    /// A device or service of this machine failed, such as the display.
    case system = 71
    /// An output file cannot be created or already exists.
    case cannotCreate = 73
    case inputOutput = 74
    /// The peer violated the protocol.
    case `protocol` = 76
    /// Permission is missing, a login was refused, or a certificate is not trusted.
    case noPermission = 77
    /// The configuration is invalid.
    case configuration = 78
    /// The request was carried out in part: some of the data is missing.
    case incomplete = 79
}

/// An error that a program reports in one line before it ends with `exitStatus`.
package protocol ProgramError: Error, CustomStringConvertible {
    var exitStatus: ExitStatus { get }
}
