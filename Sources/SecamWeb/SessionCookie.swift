import SecamBase
import SecamUsers
import SecamWire

/// The cookies of a login. The prefix makes browsers keep them to this host and to HTTPS.
enum SessionCookie {
    static let name = "__Host-secam"
    /// Shows that the user logged in from this browser before, so that strangers' guesses cannot lock it out.
    static let deviceName = "__Host-secam-device"
    /// Browsers keep no cookie for longer.
    private static let deviceLifetime = Duration.seconds(400 * 86_400)

    static func token(in request: HTTPRequest) -> [UInt8]? {
        request.cookie(name).flatMap(Hexadecimal.decode)
    }

    static func deviceToken(in request: HTTPRequest) -> [UInt8]? {
        let token = request.cookie(deviceName).flatMap(Hexadecimal.decode)
        return token?.count == WireLimits.deviceToken ? token : nil
    }

    static func header(token: [UInt8]) -> (name: String, value: String) {
        header(name, Hexadecimal.encode(token), UserSession.absoluteLimit)
    }

    static func header(deviceToken: [UInt8]) -> (name: String, value: String) {
        header(deviceName, Hexadecimal.encode(deviceToken), deviceLifetime)
    }

    static let removal = header(name, "", .zero)

    private static func header(_ name: String, _ value: String, _ lifetime: Duration) -> (name: String, value: String) {
        let age = lifetime.components.seconds
        return ("Set-Cookie", "\(name)=\(value); Path=/; Max-Age=\(age); Secure; HttpOnly; SameSite=Strict")
    }
}
