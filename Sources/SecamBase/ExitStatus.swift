/// How a program ends: the results of checks, and for errors the numbers of sysexits.h.
package enum ExitStatus: Int32, Sendable {
    case success = 0
    /// A check found a problem: an invalid file, a degraded system.
    case problem = 1
    /// A check found the system down.
    case down = 2
    /// Used wrongly.
    case usage = 64
    /// Input data is wrong.
    case data = 65
    /// A file or camera that was named does not exist or cannot be read.
    case noInput = 66
    /// Something that is needed is not there: a port is taken, a gateway does not answer.
    case unavailable = 69
    /// Something that should not happen did.
    case software = 70
    /// Something of this machine fails, such as the display.
    case system = 71
    /// An output file cannot be made, or is there already.
    case cannotCreate = 73
    case inputOutput = 74
    /// The other end breaks the protocol.
    case `protocol` = 76
    /// Permission is missing, a login was refused, or a certificate is not trusted.
    case noPermission = 77
    /// A configuration is wrong.
    case configuration = 78
    /// What was asked for was done, but for a part that is missing.
    case incomplete = 79
}

/// An error that a program reports in one line before it ends with `exitStatus`.
package protocol ProgramError: Error, CustomStringConvertible {
    var exitStatus: ExitStatus { get }
}
