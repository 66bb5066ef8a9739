import CCurl
import SecamBase
import SecamCrypto
import SecamWire

/// Posts an event as JSON.
///
/// With a secret, `X-Secam-Signature: sha256=…` is the HMAC-SHA-256 (RFC 2104) in hexadecimal of the text
/// `TIME.BODY`, where TIME is what `X-Secam-Time` says, seconds since 1970: a receiver that looks at both cannot be
/// told an old event again.
enum Webhook {
    /// - Throws: passing failures for what the network or a busy server does, lasting ones for what asking again would
    ///   not change.
    static func post(
        _ address: SecretURL, _ occasion: HookOccasion, secretFile: String?, seconds: Double
    ) async throws(HookFailure) {
        let body = occasion.json
        let headers = try headers(body, secretFile: secretFile, time: WallClock.now / 1_000_000)
        let outcome: Result<Int, HookFailure> = await withCheckedContinuation { continuation in
            // libcurl waits for the network, which must not hold up the pool.
            DedicatedThread.start {
                continuation.resume(returning: send(body, to: address, headers, seconds: seconds))
            }
        }
        let status = try outcome.get()
        guard (200..<300).contains(status) else {
            throw HookFailure(
                description: "\(address) answers with status \(status)", isPassing: status >= 500 || status == 429)
        }
    }

    static func headers(_ body: String, secretFile: String?, time: Int64) throws(HookFailure) -> [String] {
        var headers = ["Content-Type: application/json", "X-Secam-Time: \(time)"]
        guard let secretFile else { return headers }
        do {
            let secret = try SecretFile.read(secretFile)
            let key = Array(secret.utf8.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed())
            guard !key.isEmpty else { throw HookFailure(description: "\(secretFile) is empty", isPassing: true) }
            let code = try HMACSHA256.code(for: Array("\(time).\(body)".utf8), key: key)
            let digits = Hexadecimal.encode(code)
            headers.append("X-Secam-Signature: sha256=\(digits)")
        } catch let failure as HookFailure {
            throw failure
        } catch {
            // The operator may be about to put it right.
            throw HookFailure(description: "\(error)", isPassing: true)
        }
        return headers
    }

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Blocks.
    private static func send(
        _ body: String, to address: SecretURL, _ headers: [String], seconds: Double
    ) -> Result<Int, HookFailure> {
        guard isReady, let handle = unsafe curl_easy_init() else {
            return .failure(HookFailure(description: "libcurl has no memory", isPassing: true))
        }
        defer { unsafe curl_easy_cleanup(handle) }
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { unsafe list = curl_slist_append(list, header) }
        defer { unsafe curl_slist_free_all(list) }
        unsafe secam_curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
        unsafe secam_curl_set_long(handle, CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
        // Signals belong to the program.
        unsafe secam_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        unsafe secam_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(seconds * 1000))
        unsafe secam_curl_set_write(handle) { _, size, count, _ in size * count }
        var code = unsafe address.revealed.withCString { unsafe secam_curl_set_pointer(handle, CURLOPT_URL, $0) }
        if code == CURLE_OK {
            let bytes = Array(body.utf8)
            code = unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe secam_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, buffer.count)
                unsafe secam_curl_set_pointer(handle, CURLOPT_POSTFIELDS, buffer.baseAddress)
                return unsafe curl_easy_perform(handle)
            }
        }
        guard code == CURLE_OK else {
            let reason = unsafe String(cString: curl_easy_strerror(code))
            return .failure(HookFailure(description: "\(address): \(reason)", isPassing: true))
        }
        var status = 0
        unsafe secam_curl_response_code(handle, &status)
        return .success(status)
    }
}
