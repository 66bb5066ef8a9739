import CAVFormat
import Glibc

extension MediaURL {
    /// Returns the reason why libav cannot open this address.
    func openError(_ failure: AVFailure, _ interrupt: MediaInterrupt) -> MediaError {
        if let error = interrupt.error(source: name) { return error }
        switch failure.code {
        case secam_averror_eof where !isFile: return .closed(source: name)
        case secam_averror_invalid_data where isRTSP:
            return .unreachable(source: name, reason: "no valid RTSP answer")
        case secam_averror_invalid_data, secam_averror_eof:
            return .notVideo(source: name, found: describeContent())
        case secam_averror_no_protocol:
            return .unsupportedSource(source: name, reason: "libavformat was built without this protocol")
        case secam_averror_unauthorized:
            return .loginRefused(source: name, advice: AuthenticationProbe.advice(self, interrupt))
        case secam_averror_forbidden:
            return .loginRefused(source: name, advice: "Check the rights of the user at the camera")
        case secam_averror_no_transport where !isFile:
            return .unreachable(source: name, reason: "it offers the stream neither over TCP nor over UDP")
        default: break
        }
        if isFile {
            switch failure.errno {
            case ENOENT: return .noSuchFile(source: name)
            case EACCES: return .permissionDenied(source: name)
            default: return .io(source: name, operation: "opening", reason: failure.text)
            }
        }
        // libav reports all failures of a name, and of a connection that ends early, as an input/output error.
        guard failure.code == secam_averror_io else { return .unreachable(source: name, reason: failure.text) }
        if let host, let problem = Self.resolutionProblem(host) {
            return .unknownHost(source: name, host: host, reason: problem)
        }
        return .closed(source: name)
    }

    /// Returns the reason why a host name has no address; `nil` if it has one.
    private static func resolutionProblem(_ host: String) -> String? {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(bare, nil, nil, &list)
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }
        return code == 0 ? nil : unsafe String(cString: gai_strerror(code))
    }
}

extension MediaURL {
    /// The scheme in lower case; empty for a file.
    var scheme: String {
        isFile ? "" : address.prefix { $0 != ":" }.lowercased()
    }

    /// The user, password, host and port.
    private var authority: Substring {
        guard !isFile, let start = address.firstRange(of: "://") else { return "" }
        return address[start.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    }

    var hasLogin: Bool { authority.contains("@") }

    /// The host with the brackets of an IPv6 address; `nil` for a file.
    var host: String? {
        let place = authority.split(separator: "@").last ?? ""
        if place.hasPrefix("["), let end = place.firstIndex(of: "]") { return String(place[...end]) }
        let host = place.prefix { $0 != ":" }
        return host.isEmpty ? nil : String(host)
    }

    /// `nil` for the scheme's default port.
    var port: Int? {
        let place = authority.split(separator: "@").last ?? ""
        let rest = place.hasPrefix("[") ? place.drop { $0 != "]" }.dropFirst() : place[...]
        return rest.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first.flatMap { Int($0) }
    }

    /// The part of the address after the host and port.
    var pathAndQuery: String {
        let rest = address[authority.endIndex...].prefix { $0 != "#" }
        return rest.hasPrefix("/") ? String(rest) : "/" + rest
    }
}
