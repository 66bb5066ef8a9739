import CAVFormat

/// Asks a server for the kinds of login that it accepts, because libav reports only that it refused the login.
enum AuthenticationProbe {
    /// Maximum size of an answer, bytes.
    private static let answerLimit = 8192

    /// Returns what is wrong with a login that the server refused, and what to do.
    static func advice(_ source: MediaURL, _ interrupt: MediaInterrupt) -> String {
        guard source.hasLogin else { return "Give the user and password" }
        guard let answer = ask(source, interrupt) else { return "Check the user and password" }
        return advice(answer)
    }

    /// Returns the advice for the head of an answer with status 401.
    static func advice(_ answer: String) -> String {
        let challenges = answer.split(whereSeparator: \.isNewline).compactMap { line -> String? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "www-authenticate" else { return nil }
            return parts[1].lowercased()
        }
        let isSupported =
            challenges.isEmpty
            || challenges.contains { challenge in
                let scheme = challenge.drop { $0 == " " }
                guard scheme.hasPrefix("digest") else { return scheme.hasPrefix("basic") }
                guard let range = scheme.firstRange(of: "algorithm=") else { return true }
                let algorithm = scheme[range.upperBound...].drop { $0 == "\"" }.prefix { !"\", ".contains($0) }
                return algorithm == "md5" || algorithm == "md5-sess"
            }
        guard !isSupported else { return "Check the user and password" }
        let names = challenges.map { $0.contains("sha-256") ? "digest with SHA-256" : String($0.prefix(40)) }
        return "The camera only accepts logins that secam does not support (\(names.joined(separator: ", "))). "
            + "Allow Basic, or Digest with MD5, in the camera's settings"
    }

    /// Sends the source's request without a login.
    ///
    /// - Returns: the head of the answer.
    private static func ask(_ source: MediaURL, _ interrupt: MediaInterrupt) -> String? {
        guard let host = source.host else { return nil }
        let isHTTP = source.scheme.hasPrefix("http")
        let isSecure = source.scheme.hasSuffix("s")
        let port = source.port ?? (isHTTP ? (isSecure ? 443 : 80) : (isSecure ? 322 : 554))
        let path = source.pathAndQuery
        let request =
            isHTTP
            ? "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
            : "DESCRIBE rtsp://\(host):\(port)\(path) RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
        var callback = unsafe interrupt.callback
        var connection: UnsafeMutablePointer<AVIOContext>?
        defer { unsafe avio_closep(&connection) }
        interrupt.start()
        let address = "\(isSecure ? "tls" : "tcp")://\(host):\(port)"
        guard unsafe avio_open2(&connection, address, AVIO_FLAG_READ_WRITE, &callback, nil) >= 0 else { return nil }
        let bytes = Array(request.utf8)
        unsafe avio_write(connection, bytes, Int32(bytes.count))
        unsafe avio_flush(connection)
        var answer: [UInt8] = []
        while answer.count < answerLimit {
            var chunk = [UInt8](repeating: 0, count: 1024)
            let count = unsafe avio_read_partial(connection, &chunk, Int32(chunk.count))
            guard count > 0 else { break }
            answer += chunk.prefix(Int(count))
            let text = String(decoding: answer, as: UTF8.self)
            if text.contains("\r\n\r\n") { return text }
        }
        return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
    }
}
