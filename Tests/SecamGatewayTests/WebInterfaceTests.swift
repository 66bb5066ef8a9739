import NIOCore
import SecamCrypto
import SecamTestSupport
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

/// The HTTP interface for tools.
struct WebInterfaceTests {
    private static func basic(_ user: String, _ password: String = ViewerHarness.password) -> String {
        "Authorization: Basic \(Base64.encode(Array("\(user):\(password)".utf8), padded: true))"
    }

    private static let anna = basic("anna")

    /// Publishes frames until a client has what it waits for.
    private func publishing<Value: Sendable>(
        _ harness: ViewerHarness, rendition: Rendition = .jpeg, _ body: @Sendable @escaping () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var sequence: UInt64 = 0
                while !Task.isCancelled {
                    sequence += 1
                    harness.publish(sequence, rendition: rendition)
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    // MARK: - Access

    @Test func `each resource needs a login, and tells a tool how`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            let client = try await harness.web()
            for path in [
                "/api/v1/cameras", "/api/v1/cameras/door", "/api/v1/cameras/door/snapshot.jpg",
                "/api/v1/cameras/none/snapshot.jpg", "/api/v1/cameras/door/stream.mjpeg",
                "/api/v1/cameras/door/thumbnail.jpg?at=1", "/api/v1/events", "/api/v1/recordings",
            ] {
                let response = try await client.request("GET", path)
                #expect(response.status == 401 && response.text == "{\"error\":\"credentials\"}\n", "\(path)")
                #expect(response.header("WWW-Authenticate")?.hasPrefix("Basic ") == true)
                // A browser would show a window of its own behind the page.
                let script = try await client.request("GET", path, ["Sec-Fetch-Mode: cors"])
                #expect(script.status == 401 && script.header("WWW-Authenticate") == nil)
            }
            #expect(try await client.request("GET", "/api/v1/health").text == "{\"status\":\"ok\"}\n")
        }
    }

    @Test func `a session and a password open the list of cameras, limited to the user's rights`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(
                Name("bert"), password: ViewerHarness.password, role: .viewer, cameras: .only([Name("yard")]))
            try harness.showCameras(["door", "yard"])
            let client = try await harness.web()
            let cookie = "Cookie: \(try await harness.cookies().joined(separator: "; "))"
            let all = try await client.request("GET", "/api/v1/cameras", [cookie])
            #expect(all.status == 200)
            #expect(try JSONValue(all.text)["cameras"].values.map { $0["name"].text } == ["door", "yard"])
            let own = try await client.request("GET", "/api/v1/cameras", [Self.basic("bert")])
            #expect(try JSONValue(own.text)["cameras"].values.map { $0["name"].text } == ["yard"])
            let hidden = try await client.request("GET", "/api/v1/cameras/door", [Self.basic("bert")])
            let missing = try await client.request("GET", "/api/v1/cameras/none", [Self.basic("bert")])
            #expect(hidden.status == 404 && hidden.body == missing.body)
            #expect(hidden.text == "{\"error\":\"noSuchCamera\"}\n")
        }
    }

    @Test func `wrong passwords are refused and locked, also when the right one was used before`() async throws {
        try await ViewerHarness.run { harness in
            let client = try await harness.web()
            #expect(try await client.request("GET", "/api/v1/cameras", [Self.anna]).status == 200)
            for _ in 0..<3 {
                #expect(try await client.request("GET", "/api/v1/cameras", [Self.basic("anna", "x")]).status == 401)
            }
            let locked = try await client.request("GET", "/api/v1/cameras", [Self.basic("anna", "x")])
            #expect(locked.status == 429 && locked.text.contains("\"locked\""))
            for header in [
                "Basic", "Basic !", "Basic YW5uYQ==", "Digest x", "Basic \(String(repeating: "A", count: 8000))",
            ] {
                let response = try await client.request("GET", "/api/v1/cameras", ["Authorization: \(header)"])
                #expect(response.status == 401, "\(header)")
            }
        }
    }

    @Test func `a password that was right a moment ago is refused after its change`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(Name("bert"), password: ViewerHarness.password, role: .viewer)
            let client = try await harness.web()
            #expect(try await client.request("GET", "/api/v1/cameras", [Self.basic("bert")]).status == 200)
            try harness.users.setPassword("another password", of: Name("bert"))
            try await eventually("the old password to be refused") {
                try await harness.web().request("GET", "/api/v1/cameras", [Self.basic("bert")]).status != 200
            }
        }
    }

    @Test func `a token opens what it permits, and its removal ends its streams`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door", "yard"])
            let anna = try Name("anna")
            let (token, entry) = try harness.users.addToken(
                of: anna, label: "", scopes: [.live, .events], cameras: .only([Name("door")]), expires: nil)
            let bearer = "Authorization: Bearer \(token)"
            let client = try await harness.web()
            try await eventually("the token to be known") {
                try await client.request("GET", "/api/v1/cameras", [bearer]).status == 200
            }
            let list = try await client.request("GET", "/api/v1/cameras?token=\(token)")
            #expect(try JSONValue(list.text)["cameras"].values.map { $0["name"].text } == ["door"])
            for (path, status) in [
                ("/api/v1/cameras/yard", 404), ("/api/v1/cameras/yard/stream.mjpeg", 404),
                ("/api/v1/cameras/door/snapshot.jpg", 403), ("/api/v1/recordings", 403),
                ("/api/v1/cameras/door/thumbnail.jpg?at=1", 403), ("/api/v1/session", 401), ("/api/v1/sessions", 401),
            ] {
                #expect(try await client.request("GET", path, [bearer]).status == status, "\(path)")
            }
            for forged in ["Bearer", "Bearer x", "Bearer \(token)0", "Bearer \(token.dropFirst(6))"] {
                let response = try await client.request("GET", "/api/v1/cameras", ["Authorization: \(forged)"])
                #expect(response.status == 401, "\(forged)")
            }
            // A viewer's messages need a session.
            let socket = try await harness.web()
            let upgrade = WebClient.upgrade + ["Origin: \(socket.origin)", bearer]
            #expect(try await socket.request("GET", "/ws", upgrade).status == 401)

            let stream = try await harness.web()
            stream.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg?token=\(token)")
            #expect(try await stream.line(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
            try harness.users.removeToken(entry.id, of: anna)
            _ = await stream.closed()
            #expect(try await client.request("GET", "/api/v1/cameras", [bearer]).status == 401)
        }
    }

    // MARK: - Pictures

    @Test func `a snapshot is a live picture with its age`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            let client = try await harness.web()
            for (query, rendition) in [
                ("", Rendition.jpeg), ("?rendition=sub", .sub), ("?width=639", .sub), ("?width=640", .jpeg),
            ] {
                let response = try await publishing(harness, rendition: rendition) {
                    try await client.request("GET", "/api/v1/cameras/door/snapshot.jpg\(query)", [Self.anna])
                }
                #expect(response.status == 200 && response.body.count == 1000)
                #expect(response.header("Content-Type") == "image/jpeg")
                #expect(response.header("X-Secam-Captured") == "1970-01-01T00:00:00.000Z")
                #expect(response.header("X-Secam-Age").flatMap { Int64($0) } ?? 0 > 0)
                #expect(response.header("Cache-Control") == "no-store")
            }
            for query in ["?rendition=luma", "?rendition=luma&width=3", "?width=0", "?width=x"] {
                let response = try await client.request("GET", "/api/v1/cameras/door/snapshot.jpg\(query)", [Self.anna])
                #expect(response.status == 400)
            }
        }
    }

    @Test func `a rendition that the camera lacks is an error, and ends a stream`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            // Keeps the refusal in memory.
            let (viewer, _) = try await harness.loggedIn()
            viewer.send(Watch(camera: 1, rendition: .sub, credit: 2))
            _ = await demands.next()
            let stream = try await harness.web()
            stream.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg?rendition=sub", [Self.anna])
            _ = try await stream.line(until: "\r\n\r\n")
            harness.server.refuse(camera: 1, .sub, "no sub")
            _ = await stream.closed()
            _ = try await viewer.next(ErrorMessage.self)
            let client = try await harness.web()
            let response = try await client.request(
                "GET", "/api/v1/cameras/door/snapshot.jpg?rendition=sub", [Self.anna])
            #expect(response.status == 404 && response.text == "{\"error\":\"noSuchRendition\"}\n")
        }
    }

    @Test func `an offline camera is an error and not an old picture`() async throws {
        try await ViewerHarness.run { harness in
            harness.server.update(cameras: [try camera(1, "door", state: .offline)])
            let client = try await harness.web()
            for name in ["snapshot.jpg", "stream.mjpeg"] {
                let response = try await client.request("GET", "/api/v1/cameras/door/\(name)", [Self.anna])
                #expect(response.status == 503 && response.text == "{\"error\":\"offline\"}\n")
            }
        }
    }

    @Test func `a stream sends the pictures as parts, and stops the camera when its client leaves`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let client = try await harness.web()
            client.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg", [Self.anna])
            let head = try await client.line(until: "\r\n\r\n")
            #expect(head.contains("Content-Type: multipart/x-mixed-replace; boundary=secam-picture"))
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: true))
            for (index, bytes) in [10, 300_000, 1].enumerated() {
                harness.publish(UInt64(index) + 1, bytes: bytes)
                #expect(try await client.line(until: "\r\n\r\n").contains("Content-Length: \(bytes)\r\n"))
                #expect(try await client.bytes(bytes) == [UInt8](repeating: UInt8(index) + 1, count: bytes))
            }
            try await client.close()
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: false))
        }
    }

    @Test func `a client that reads slowly gets the newest picture, and no faster than it asked`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let client = try await harness.web()
            // The second picture of this stream is due long after the test.
            client.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg?fps=0.001", [Self.anna])
            _ = try await client.line(until: "\r\n\r\n")
            _ = await demands.next()
            harness.publish(1)
            #expect(try await client.line(until: "\r\n\r\n").contains("Content-Length: 1000"))
            #expect(try await client.bytes(1000).first == 1)
            for sequence: UInt64 in 2...50 { harness.publish(sequence) }
            let other = try await harness.web()
            other.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg", [Self.anna])
            _ = try await other.line(until: "\r\n\r\n")
            _ = try await other.line(until: "\r\n\r\n")
            #expect(try await other.bytes(1000).first == 50)
            #expect(try await client.line(until: "\r\n") == "\r\n")
            #expect(try await client.line(until: "\r\n") == "--secam-picture\r\n")
            for query in ["fps=0", "fps=-1", "fps=x", "fps=1e9", "fps=nan"] {
                let refused = try await harness.web().request(
                    "GET", "/api/v1/cameras/door/stream.mjpeg?\(query)", [Self.anna])
                #expect(refused.status == 400, "\(query)")
            }
        }
    }

    @Test(arguments: ["right", "password", "removal"])
    func `a stream ends when its user loses the right`(_ change: String) async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(Name("bert"), password: ViewerHarness.password, role: .viewer)
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let client = try await harness.web()
            client.sendRequest("GET", "/api/v1/cameras/door/stream.mjpeg", [Self.basic("bert")])
            let events = try await harness.web()
            events.sendRequest("GET", "/api/v1/events", [Self.basic("bert"), "Accept: text/event-stream"])
            _ = try await events.line(until: "\r\n\r\n")
            _ = await demands.next()
            switch change {
            case "right": try harness.users.grant(.only([]), to: Name("bert"))
            case "password": try harness.users.setPassword("another password", of: Name("bert"))
            default: try harness.users.remove(Name("bert"))
            }
            _ = await client.closed()
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: false))
            if change != "right" { _ = await events.closed() }
        }
    }

    // MARK: - Events and recordings

    private func event(_ id: UInt64, state: EventState = .start, last: Int64 = 10) -> CameraEvent {
        CameraEvent(
            kind: .motion, state: state, id: id, start: 5, last: last, peakTime: 7, peakSequence: 0,
            peakBox: CameraEvent.Box(x: 0, y: 0, width: 1, height: 1, score: 1), boxes: [])
    }

    private func publish(_ harness: ViewerHarness, _ event: CameraEvent, camera: UInt32 = 1) {
        let message = Event(flow: camera, incarnation: 1, sequence: 1, event: event)
        harness.server.publish(ByteBuffer(bytes: message.encoded()), event: message)
    }

    @Test func `events arrive as they happen, of the visible cameras only`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(
                Name("bert"), password: ViewerHarness.password, role: .viewer, cameras: .only([Name("yard")]))
            try harness.showCameras(["door", "yard"])
            publish(harness, event(1), camera: 2)
            let client = try await harness.web()
            client.sendRequest(
                "GET", "/api/v1/events?since=1970-01-01T00:00:00Z", [Self.basic("bert"), "Accept: text/event-stream"])
            #expect(try await client.line(until: "\r\n\r\n").contains("Content-Type: text/event-stream"))
            _ = try await client.line(until: ":\n\n")
            func next() async throws -> JSONValue {
                _ = try await client.line(until: "event: motion\ndata: ")
                return try JSONValue(await client.line(until: "\n\n"))
            }
            #expect(try await next()["id"].text == "0000000000000001")
            publish(harness, event(2), camera: 1)
            publish(harness, event(3), camera: 2)
            let live = try await next()
            #expect(live["id"].text == "0000000000000003" && live["camera"].text == "yard")
        }
    }

    /// Answers the next query of an HTTP client.
    private func answerQuery(_ harness: ViewerHarness, _ answers: [ArchiveAnswer]) async throws -> ArchiveRequest {
        let (request, viewer) = try await eventually("a query") {
            harness.hub.requests.last { request, _ in
                switch request {
                case .search, .replay: true
                default: false
                }
            }
        }
        for answer in answers { viewer.answer(answer) }
        return request
    }

    @Test func `recordings come from the archives, as far as the user may see them`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(
                Name("bert"), password: ViewerHarness.password, role: .viewer, cameras: .only([Name("yard")]))
            try harness.showCameras(["door", "yard"])
            let client = try await harness.web()
            client.sendRequest(
                "GET", "/api/v1/recordings?from=1000&to=1970-01-01T01:00:00Z&limit=7", [Self.basic("bert")])
            func recorded(_ name: String, _ start: Int64) throws -> FoundRecording {
                FoundRecording(
                    start: start, end: start + 1, bytes: 2, frames: 3, protected: false, open: false,
                    camera: try Name(name))
            }
            let request = try await answerQuery(
                harness,
                [
                    .found(
                        Found(
                            request: 1, last: false, volume: 1, recordings: [recorded("yard", 1), recorded("door", 2)])),
                    .found(Found(request: 1, last: true, partial: true, volume: 2, recordings: [recorded("yard", 3)])),
                ])
            guard case .search(let search) = request else { throw TestFailure("not a search") }
            #expect(search.cameras.map(\.name.text) == ["yard"])
            #expect(search.from == 1000 && search.to == 3_600_000_000 && search.limit == 7)
            let answer = try JSONValue(await client.response().text)
            #expect(answer["recordings"].values.map { $0["start_us"].integer } == [3, 1])
            #expect(answer["partial"] == .boolean(true))
            // Cameras that one may not see are not asked for.
            let none = try await client.request("GET", "/api/v1/recordings?camera=door", [Self.basic("bert")])
            #expect(none.status == 200 && none.text.hasPrefix("{\"recordings\":[],\"gaps\":[]"))
            let empty = try await client.request("GET", "/api/v1/recordings?from=5&to=5", [Self.anna])
            #expect(
                empty.text == "{\"recordings\":[],\"gaps\":[],\"more_before\":null,\"partial\":false}\n")
            for query in ["from=x", "limit=0", "limit=200000", "camera=a&camera=b"] {
                let refused = try await harness.web().request("GET", "/api/v1/recordings?\(query)", [Self.anna])
                #expect(refused.status == 400, "\(query)")
            }
        }
    }

    @Test func `past events come from the archives and from memory, each in its newest state`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            publish(harness, event(2, state: .end, last: 30))
            let client = try await harness.web()
            client.sendRequest("GET", "/api/v1/events?since=0", [Self.anna])
            let door = try Name("door")
            _ = try await answerQuery(
                harness,
                [
                    .found(
                        Found(
                            request: 1, last: true, volume: 1,
                            events: [.init(camera: door, event: event(1)), .init(camera: door, event: event(2))]))
                ])
            let events = try JSONValue(await client.response().text)["events"].values
            #expect(Set(events.compactMap { $0["id"].text }) == ["0000000000000001", "0000000000000002"])
            #expect(events.first { $0["id"].text == "0000000000000002" }?["state"].text == "end")
        }
    }

    @Test func `a thumbnail is one recorded picture`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            let client = try await harness.web()
            client.sendRequest("GET", "/api/v1/cameras/door/thumbnail.jpg?at=5000", [Self.anna])
            let recorded = FoundRecording(
                start: 1, end: 9000, bytes: 2, frames: 3, protected: false, open: false, camera: try Name("door"))
            _ = try await answerQuery(
                harness, [.found(Found(request: 1, last: true, volume: 77, recordings: [recorded]))])
            let replay = try await eventually("the replay") { () -> (Replay, ArchiveClient)? in
                for (request, viewer) in harness.hub.requests {
                    if case .replay(let replay) = request { return (replay, viewer) }
                }
                return nil
            }
            #expect(replay.0.volume == 77 && replay.0.content == .thumbnails && replay.0.from == 5000)
            let frame = Frame(
                flow: replay.0.flow, rendition: .sub, format: .jpeg, incarnation: 1, sequence: 1, timestamp: 5000,
                width: 10, height: 10)
            var message = ByteBuffer(bytes: frame.encoded(payload: 3))
            message.writeBytes([1, 2, 3])
            replay.1.answer(.frame(message, flow: replay.0.flow))
            let response = try await client.response()
            #expect(response.status == 200 && response.body == [1, 2, 3])
            #expect(response.header("Content-Type") == "image/jpeg")
        }
    }
}
