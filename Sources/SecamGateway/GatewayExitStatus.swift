package import SecamBase
package import SecamTLS
package import SecamUsers

// With which status the gateway ends: `secam up` and other supervisors start it again only where that can help.

extension ViewerServerError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .portTaken, .addressNotAvailable, .cannotListen: .unavailable
        case .privilegedPort: .noPermission
        case .portOutOfRange, .unknownHost: .usage
        case .alreadyStarted: .software
        }
    }
}

extension TLSError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .file: .noInput
        case .malformedFile, .certificateExpired, .certificateNotYetValid, .keyDoesNotFit, .configuration:
            .configuration
        default: .software
        }
    }
}

extension UsersError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .file: .noPermission
        case .newerVersion, .malformedAccount: .data
        default: .software
        }
    }
}
