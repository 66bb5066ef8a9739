import CCurl
import SecamBase
import SecamCrypto
import SecamWire

/// Posts an event as JSON.
///
/// With a secret, the header `X-Secam-Signature: sha256=…` is the HMAC-SHA-256 (RFC 2104), in hexadecimal, of the text
/// `TIME.BODY`. TIME is the header `X-Secam-Time`, seconds since 1970. A receiver that checks both rejects replayed events.
enum Webhook {
    /// Posts an event and waits for the response.
    ///
    /// - Throws: a transient failure for network errors and busy servers, a permanent one for other responses.
    static func post(
        _ address: SecretURL, _ event: HookEvent, secretFile: String?, timeout: Duration
    ) async throws(HookFailure) {
        let body = event.json
        let headers = try headers(body, secretFile: secretFile, time: WallClock.now / 1_000_000)
        let outcome: Result<Int, HookFailure> = await withCheckedContinuation { continuation in
            // libcurl blocks, which the cooperative pool must not.
            DedicatedThread.start {
                continuation.resume(returning: send(body, to: address, headers, timeout: timeout))
            }
        }
        let status = try outcome.get()
        guard (200..<300).contains(status) else {
            throw HookFailure(
                description: "\(address): HTTP status \(status)", isTransient: status >= 500 || status == 429)
        }
    }

    static func headers(_ body: String, secretFile: String?, time: Int64) throws(HookFailure) -> [String] {
        var headers = ["Content-Type: application/json", "X-Secam-Time: \(time)"]
        guard let secretFile else { return headers }
        do {
            let secret = try SecretFile.read(secretFile)
            let key = Array(secret.utf8.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed())
            guard !key.isEmpty else {
                throw HookFailure(description: "\(secretFile): no secret, the file is empty", isTransient: true)
            }
            let code = try HMACSHA256.code(for: Array("\(time).\(body)".utf8), key: key)
            let digits = Hexadecimal.encode(code)
            headers.append("X-Secam-Signature: sha256=\(digits)")
        } catch let failure as HookFailure {
            throw failure
        } catch {
            // Transient, since the operator may be replacing the file.
            throw HookFailure(description: "\(error)", isTransient: true)
        }
        return headers
    }

    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Posts the body and returns the HTTP status. Blocks.
    private static func send(
        _ body: String, to address: SecretURL, _ headers: [String], timeout: Duration
    ) -> Result<Int, HookFailure> {
        guard isReady, let handle = unsafe curl_easy_init() else {
            return .failure(HookFailure(description: "libcurl is out of memory", isTransient: true))
        }
        defer { unsafe curl_easy_cleanup(handle) }
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { unsafe list = curl_slist_append(list, header) }
        defer { unsafe curl_slist_free_all(list) }
        unsafe secam_curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
        unsafe secam_curl_set_long(handle, CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
        // libcurl must not install signal handlers: signals belong to the program.
        unsafe secam_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        unsafe secam_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(timeout.milliseconds))
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
            return .failure(HookFailure(description: "\(address): \(reason)", isTransient: true))
        }
        var status = 0
        unsafe secam_curl_response_code(handle, &status)
        return .success(status)
    }
}
