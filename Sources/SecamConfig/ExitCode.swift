/// How a program ends, in the numbers of sysexits.h.
public enum ExitStatus: Int32, Sendable {
    case success = 0
    /// Used wrongly.
    case usage = 64
    /// Input data is wrong.
    case data = 65
    /// A file that was named does not exist or cannot be read.
    case noInput = 66
    /// A service that is needed is not there, as a port that is taken.
    case unavailable = 69
    /// Something that should not happen did.
    case software = 70
    /// An output file cannot be made.
    case cannotCreate = 73
    /// Permission is missing.
    case noPermission = 77
    /// A configuration is wrong.
    case configuration = 78
}
