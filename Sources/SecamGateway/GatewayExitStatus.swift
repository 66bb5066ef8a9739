package import SecamBase
package import SecamTLS
package import SecamUsers

// The gateway's exit status per error. Supervisors such as `secam up` restart it only where a restart can help.

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
