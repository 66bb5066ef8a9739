package import SecamBase
package import SecamWire

/// The address of a camera's pictures, parsed from `--source`.
package enum SourceAddress: Sendable, Equatable {
    /// The path of a V4L2 device.
    case device(String)
    /// A file that libavformat reads, played in a loop; at its own frame rate if `nil`.
    case file(String, framesPerSecond: Double?)
    /// An rtsp, http or https address.
    case stream(SecretURL)
    /// The built-in test picture.
    case test(width: Int, height: Int, framesPerSecond: Int)

    package struct Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        package let text: String
        package let reason: String

        package var description: String {
            "invalid source '\(SecretURL(text))': \(reason); use v4l2:/dev/videoN, file:PATH[?fps=N], "
                + "rtsp://…, http(s)://… or test:WIDTHxHEIGHT@FPS"
        }
    }

    package init(_ text: String) throws(Invalid) {
        let scheme = text.prefix { $0 != ":" }
        guard scheme.count < text.count else { throw Invalid(text: text, reason: "no scheme") }
        let rest = String(text.dropFirst(scheme.count + 1))
        guard !rest.isEmpty else { throw Invalid(text: text, reason: "nothing after '\(scheme):'") }
        switch scheme {
        case "v4l2": self = .device(rest)
        case "file": self = try SourceAddress.file(rest, text)
        case "rtsp", "rtsps", "http", "https":
            let url = SecretURL(text)
            guard !url.hasBrokenPort else {
                throw Invalid(text: text, reason: "the port is not a number; \(SourceAddress.encodingAdvice)")
            }
            self = .stream(url)
        case "test": self = try SourceAddress.test(rest, text)
        default: throw Invalid(text: text, reason: "unknown scheme '\(scheme)'")
        }
    }

    /// Returns the address with the camera's login added.
    ///
    /// - Throws: if this is no stream, or already contains a login.
    func adding(_ login: CameraLogin) throws(Invalid) -> SourceAddress {
        guard case .stream(let url) = self else {
            throw Invalid(text: "", reason: "a login is only for rtsp and http streams")
        }
        guard !url.hasUser else { throw Invalid(text: url.revealed, reason: "it already contains a login") }
        return .stream(url.adding(user: login.user, password: login.password))
    }

    static let encodingAdvice =
        "in a user or password write @ as %40, # as %23, ? as %3F and / as %2F, or give them with --credentials-file"

    private static func file(_ rest: String, _ text: String) throws(Invalid) -> SourceAddress {
        guard let mark = rest.firstRange(of: "?fps=") else { return .file(rest, framesPerSecond: nil) }
        guard let rate = Double(rest[mark.upperBound...]), (0.01...1000).contains(rate) else {
            throw Invalid(text: text, reason: "no usable frame rate after fps= (0.01 to 1000)")
        }
        return .file(String(rest[..<mark.lowerBound]), framesPerSecond: rate)
    }

    private static func test(_ rest: String, _ text: String) throws(Invalid) -> SourceAddress {
        let parts = rest.split(separator: "@", omittingEmptySubsequences: false)
        let size = parts[0].split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, size.count == 2, let width = Int(size[0]), let height = Int(size[1]),
            let rate = Int(parts[1])
        else { throw Invalid(text: text, reason: "not WIDTHxHEIGHT@FPS after 'test:'") }
        guard (64...4096).contains(width), (64...4096).contains(height), (1...240).contains(rate) else {
            throw Invalid(text: text, reason: "out of range (64 to 4096 pixels, 1 to 240 frames per second)")
        }
        return .test(width: width, height: height, framesPerSecond: rate)
    }
}

extension SourceAddress.Invalid: ProgramError {
    package var exitStatus: ExitStatus { .usage }
}
