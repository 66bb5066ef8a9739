package import SecamBase

/// The reason why raw pictures cannot be shared. They travel in messages then.
package struct SharingFailure: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    /// The other side is elsewhere: nothing is wrong.
    package var isElsewhere = false

    package init(_ description: String) { self.description = description }

    /// Creates a failure with the error that the operating system reported, by default the last one of this thread.
    package init(system subject: String, _ error: SystemError = .last) { self.init("\(subject): \(error)") }

    /// The camera's socket is not in the folder, because the camera runs elsewhere.
    package static var elsewhere: SharingFailure {
        var failure = SharingFailure("the camera's socket is not in this folder")
        failure.isElsewhere = true
        return failure
    }
}
