import NIOCore
import NIOHTTP1
import SecamBase
import SecamProcess
import SecamWire

// Live pictures and events.
extension RequestHandler {
    /// Time in which a camera must deliver a picture for a snapshot. An idle one has to start first.
    private static let snapshotTimeout = TimeAmount.seconds(10)
    /// Time without a picture after which a stream ends, so that clients notice a camera that is gone.
    private static let silenceTimeout = TimeAmount.seconds(30)

    func listCameras(_ access: WebAccess) {
        let cameras = backend.cameras(of: access).map(CameraText.json)
        respond(.json(.ok, JSONText.object([("cameras", JSONText.array(cameras))])))
    }

    func sendSnapshot(_ request: HTTPRequest, _ camera: Cameras.Camera, _ access: WebAccess) {
        guard let rendition = rendition(request, of: camera) else { return respond(.error(.badRequest, "badRequest")) }
        guard camera.state != .offline else { return respond(.error(.serviceUnavailable, "offline")) }
        var timer: Scheduled<Void>?
        let finish = { [self] (response: HTTPResponse) in
            timer?.cancel()
            backend.stop()
            respond(response)
        }
        timer = connection.schedule(at: .now() + Self.snapshotTimeout) { finish(.error(.gatewayTimeout, "timeout")) }
        let isWatched = backend.watch(
            camera.camera, rendition, access,
            onPicture: { picture in
                guard picture.frame.format == .jpeg, picture.bytes.readableBytes > 0 else { return }
                finish(
                    HTTPResponse(
                        .ok,
                        headers: [
                            ("Content-Type", "image/jpeg"), ("Cache-Control", "no-store"),
                            ("Cross-Origin-Resource-Policy", "cross-origin"),
                        ] + picture.headers(at: WallClock.now), body: .bytes(picture.bytes)))
            }, onRefusal: { finish(.error(.notFound, "noSuchRendition")) },
            onEnd: { finish(.error(.notFound, "noSuchCamera")) })
        if !isWatched { finish(.error(.tooManyRequests, "busy", retryAfter: 1)) }
    }

    func streamPictures(_ request: HTTPRequest, _ camera: Cameras.Camera, _ access: WebAccess) {
        let fps = request.query["fps"].map { Double($0) ?? 0 }
        guard let rendition = rendition(request, of: camera), fps.map({ (0.001...1000).contains($0) }) ?? true else {
            return respond(.error(.badRequest, "badRequest"))
        }
        guard camera.state != .offline else { return respond(.error(.serviceUnavailable, "offline")) }
        let interval = fps.map { TimeAmount.nanoseconds(Int64(1e9 / $0)) } ?? .zero
        let stream = PictureStream(connection, interval: interval)
        guard
            connection.startStream(
                stream, head: PictureStream.head, opening: PictureStream.opening, silence: Self.silenceTimeout)
        else {
            return
        }
        let isWatched = backend.watch(
            camera.camera, rendition, access, onPicture: { stream.offer($0) },
            onRefusal: { self.connection.endStream() }, onEnd: { self.connection.endStream() })
        if !isWatched { connection.endStream() }
    }

    /// Returns the rendition that a request asks for; `nil` when it cannot be understood.
    private func rendition(_ request: HTTPRequest, of camera: Cameras.Camera) -> Rendition? {
        let named: [String: Rendition] = ["jpeg": .jpeg, "sub": .sub]
        guard let named = named[request.query["rendition"] ?? "jpeg"] else { return nil }
        switch request.query["width"] {
        case nil: return named
        case let text?:
            guard let width = Int(text), (1...WireLimits.side).contains(width) else { return nil }
            return width < Int(camera.width) ? .sub : .jpeg
        }
    }

    // MARK: - Events

    func answerEvents(_ request: HTTPRequest, _ access: WebAccess) {
        let accepts = request.headers[canonicalForm: "accept"]
        guard accepts.contains(where: { $0.lowercased().hasPrefix("text/event-stream") }) else {
            return listEvents(request, access)
        }
        let cameras = backend.cameras(of: access)
        var numbers: Set<UInt32> = []
        if let name = request.query["camera"] {
            guard let camera = cameras.first(where: { $0.name.text == name }) else {
                return respond(.error(.notFound, "noSuchCamera"))
            }
            numbers = [camera.camera]
        }
        guard let since = TimeParameter.microseconds(request.query["since"], default: WallClock.now) else {
            return respond(.error(.badRequest, "badRequest"))
        }
        let stream = EventStream(connection) { [backend] in backend.nextEvent() }
        guard
            connection.startStream(
                stream, head: EventStream.head, opening: ByteBuffer(string: ":\n\n"), silence: nil)
        else { return }
        backend.follow(
            since: since, cameras: numbers, access, onEvent: { stream.resume() },
            onEnd: { self.connection.endStream() })
        stream.resume()
    }
}

/// A time in a query: RFC 3339 in UTC, or microseconds since 1970.
enum TimeParameter {
    /// - Returns: `nil` for an invalid text.
    static func microseconds(_ text: String?, default fallback: Int64) -> Int64? {
        guard let text else { return fallback }
        let time = Int64(text) ?? UTCText.microseconds(iso: text)
        return time.flatMap { WireLimits.times.contains($0) ? $0 : nil }
    }
}
