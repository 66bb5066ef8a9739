import SecamBase
import SecamTestSupport
import SecamWeb
import SecamWire
import Testing

@testable import SecamGateway
@testable import SecamUsers

/// What users do with their own accounts over HTTP.
struct WebAccountTests {
    private static func request(
        _ client: WebClient, _ method: String, _ path: String, _ fields: String = "", password: String? = nil
    ) async throws -> WebClient.Response {
        let password = password ?? ViewerHarness.password
        return try await client.request(
            method, "/api/v1/\(path)", ["Content-Type: application/json"],
            body: "{\"user\":\"anna\",\"password\":\"\(password)\"\(fields)}")
    }

    private static let token =
        ",\"label\":\"hall\",\"cameras\":[\"door\"],\"scopes\":[\"live\"],\"lifetime\":\"90d\""

    // MARK: - Tokens

    @Test func `a user makes a token with the password, lists it and removes it`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door", "yard"])
            let client = try await harness.web()
            let made = try await Self.request(client, "POST", "tokens", Self.token)
            #expect(made.status == 201, "\(made.text)")
            let token = try #require(try JSONValue(made.text)["token"].text)
            let list = try await client.request("GET", "/api/v1/cameras", ["Authorization: Bearer \(token)"])
            #expect(try JSONValue(list.text)["cameras"].values.map { $0["name"].text } == ["door"])

            let cookie = "Cookie: \(try await harness.cookies().joined(separator: "; "))"
            let tokens = try JSONValue(try await client.request("GET", "/api/v1/tokens", [cookie]).text)
            let entry = tokens[0]
            #expect(tokens.values.count == 1 && entry["label"].text == "hall" && entry["lastUsed"].text != nil)
            #expect(entry["scopes"].values.map(\.text) == ["live"] && entry["expires"].text != nil)
            #expect(try await client.request("GET", "/api/v1/tokens", [cookie]).text.contains(token) == false)

            let id = try #require(entry["id"].text)
            let path = "/api/v1/tokens/\(id)"
            #expect(try await client.request("DELETE", path).status == 401)
            #expect(try await client.request("DELETE", path, [cookie, "Origin: https://other"]).status == 403)
            #expect(try await client.request("DELETE", path, [cookie]).status == 204)
            #expect(try await client.request("DELETE", path, [cookie]).status == 404)
            let later = try await client.request("GET", "/api/v1/cameras", ["Authorization: Bearer \(token)"])
            #expect(later.status == 401)
        }
    }

    @Test func `a token needs the password and complete values, and a user has a limited number`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let cookie = "Cookie: \(try await harness.cookies().joined(separator: "; "))"
            let fields = "{\"label\":\"x\",\"cameras\":\"all\",\"scopes\":[\"live\"],\"lifetime\":null}"
            let session = ["Content-Type: application/json", cookie]
            #expect(try await client.request("POST", "/api/v1/tokens", session, body: fields).status == 400)
            let wrong = try await Self.request(client, "POST", "tokens", Self.token, password: "guess")
            #expect(wrong.status == 401 && wrong.text == "{\"error\":\"credentials\"}\n")
            let all = ",\"label\":\"x\",\"cameras\":\"all\",\"scopes\":[\"live\"],\"lifetime\":null"
            for (good, bad) in [
                ("\"label\":\"x\"", "\"label\":\"\(String(repeating: "x", count: 65))\""), ("\"x\"", "null"),
                ("\"all\"", "\"door\""), ("\"all\"", "[]"), ("\"all\"", "[\"/\"]"), ("[\"live\"]", "[]"),
                ("\"live\"", "\"all\""), ("null", "\"0s\""), ("null", "\"soon\""), ("null", "\"36501d\""),
                (",\"lifetime\":null", ""),
            ] {
                let fields = all.replacing(good, with: bad)
                #expect(try await Self.request(client, "POST", "tokens", fields).status == 400, "\(fields)")
            }
            let anna = try Name("anna")
            for _ in 0..<AccessToken.perUser {
                _ = try harness.users.addToken(of: anna, label: "", scopes: .all, cameras: .all, expires: nil)
            }
            #expect(try await Self.request(client, "POST", "tokens", all).status == 409)
            #expect(try harness.users.tokens(of: anna).count == AccessToken.perUser)
        }
    }

    // MARK: - Second factor

    /// Sets up a second factor, and returns it with the step of the code that was used.
    private static func setUp(_ client: WebClient) async throws -> (SecondFactor, step: Int64, codes: [String]) {
        let made = try JSONValue(try await request(client, "POST", "second-factor").text)
        let secret = try #require(made["secret"].text)
        let factor = SecondFactor(secret: try #require(Hexadecimal.decode(secret)))
        let picture = made["picture"].values.compactMap(\.text)
        #expect(picture == QRCode(factor.address(of: try Name("anna")))?.rows && picture.count > 20)
        #expect(made["typedSecret"].text == factor.typedSecret)
        let step = WallClock.now / 1_000_000 / SecondFactor.period
        let wrong = try await request(client, "PUT", "second-factor", ",\"secret\":\"\(secret)\",\"code\":\"1\"")
        #expect(wrong.status == 401 && wrong.text == "{\"error\":\"code\"}\n")
        let code = try factor.code(ofStep: step)
        let set = try await request(
            client, "PUT", "second-factor", ",\"secret\":\"\(secret)\",\"code\":\"\(code)\"")
        #expect(set.status == 200, "\(set.text)")
        return (factor, step, try JSONValue(set.text)["recoveryCodes"].values.compactMap(\.text))
    }

    @Test func `a second factor is set up with a code of it, ends sessions, and is removed with another code`()
        async throws
    {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let cookie = "Cookie: \(try await harness.cookies().joined(separator: "; "))"
            let (factor, step, codes) = try await Self.setUp(client)
            #expect(codes.count == RecoveryCodes.count)
            #expect(try await client.request("GET", "/api/v1/session", [cookie]).status == 401)
            let login = try await client.logIn("anna", ViewerHarness.password)
            #expect(login.status == 401 && login.text == "{\"error\":\"code\"}\n")
            // A second factor in force is replaced only with one of its codes.
            #expect(try await Self.request(client, "POST", "second-factor").status == 401)
            #expect(try await Self.request(client, "POST", "tokens", Self.token).status == 401)
            let secret = Hexadecimal.encode(try SecondFactor.random().secret)
            let other = ",\"secret\":\"\(secret)\",\"code\":\"\(try factor.code(ofStep: step + 1))\""
            #expect(try await Self.request(client, "PUT", "second-factor", other).status == 401)

            let withCode = ",\"code\":\"\(try factor.code(ofStep: step + 1))\""
            #expect(try await Self.request(client, "DELETE", "second-factor").status == 401)
            #expect(try await Self.request(client, "DELETE", "second-factor", withCode).status == 204)
            #expect(try await client.logIn("anna", ViewerHarness.password).status == 204)
        }
    }

    @Test func `a user who must have a second factor gets one without a session, and keeps it`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            let anna = try Name("anna")
            try harness.users.requireSecondFactor(true, of: anna)
            let refused = try await client.logIn("anna", ViewerHarness.password)
            #expect(refused.status == 403 && refused.text == "{\"error\":\"enrolment\"}\n")
            #expect(try await Self.request(client, "POST", "second-factor", password: "guess").status == 401)
            #expect(try await Self.request(client, "POST", "tokens", Self.token).status == 403)
            let (_, _, codes) = try await Self.setUp(client)
            let removal = try await Self.request(client, "DELETE", "second-factor", ",\"code\":\"\(codes[0])\"")
            #expect(removal.status == 403 && removal.text == "{\"error\":\"enrolment\"}\n")
            #expect(try harness.users.secondFactor(of: anna).factor != nil)
        }
    }
}
