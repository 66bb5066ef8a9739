package import Foundation
import Glibc
import Synchronization

/// An RTSP server of one H.264 video, with the faults of real cameras.
package final class RTSPCamera: Sendable {
    package struct Options: Sendable {
        package var framesPerSecond = 10.0
        /// The first frame that a client receives.
        package var firstFrame = 0
        package var describesParameterSets = true
        /// Key frames are left out until `sendKeyFrames`.
        package var withholdsKeyFrames = false
        package var offersTCP = true
        /// The connection is closed after this many frames.
        package var closesAfter = Int.max
        /// Nothing is sent any more after this many frames.
        package var stallsAfter = Int.max
        /// The value of `WWW-Authenticate`; `nil` if no login is needed. No login is accepted.
        package var challenge: String?
        /// The RTP time jumps by this many seconds after 20 frames.
        package var jump = 0.0

        package init() {}
    }

    private let server: ScriptedServer
    private let log: Log

    /// What the server did.
    private final class Log: Sendable {
        /// When each frame was sent on the last connection, UTC microseconds.
        let sent = Mutex<[Int: Int64]>([:])
        let withholdsKeyFrames: Atomic<Bool>

        init(withholdsKeyFrames: Bool) { self.withholdsKeyFrames = Atomic(withholdsKeyFrames) }
    }

    /// - Parameter video: an H.264 byte stream (annex B).
    package init(_ video: Data, _ options: Options = Options()) throws {
        let frames = RTSPCamera.accessUnits(Array(video))
        let log = Log(withholdsKeyFrames: options.withholdsKeyFrames)
        self.log = log
        server = try ScriptedServer { socket in
            RTSPSession(
                socket: socket, frames: frames, options: options,
                withholdsKeyFrames: { log.withholdsKeyFrames.load(ordering: .relaxed) },
                didSend: { number, time in
                    log.sent.withLock {
                        if number == options.firstFrame { $0 = [:] }
                        $0[number] = time
                    }
                }
            ).run()
        }
    }

    package var connectionCount: Int { server.connectionCount }

    package func sendKeyFrames() { log.withholdsKeyFrames.store(false, ordering: .relaxed) }

    /// Returns when a frame was sent on the last connection, UTC microseconds.
    package func sendTime(ofFrame number: Int) -> Int64? { log.sent.withLock { $0[number] } }

    package func url(login: String = "") -> String { server.url("/live", scheme: "rtsp", login: login) }

    /// Returns the frames of a byte stream, each as its network abstraction layer units.
    private static func accessUnits(_ stream: [UInt8]) -> [[[UInt8]]] {
        var starts: [Int] = []
        for index in stream.indices.dropLast(2)
        where stream[index] == 0 && stream[index + 1] == 0 && stream[index + 2] == 1 { starts.append(index + 3) }
        var frames: [[[UInt8]]] = []
        var current: [[UInt8]] = []
        for (number, start) in starts.enumerated() {
            var end = number + 1 < starts.count ? starts[number + 1] - 3 : stream.count
            while end > start, stream[end - 1] == 0 { end -= 1 }
            let unit = Array(stream[start..<end])
            current.append(unit)
            // A slice; each frame has one.
            if [1, 5].contains(unit[0] & 31) {
                frames.append(current)
                current = []
            }
        }
        return frames
    }
}

/// One client of an ``RTSPCamera``.
private struct RTSPSession: Sendable {
    let socket: PlainSocket
    let frames: [[[UInt8]]]
    let options: RTSPCamera.Options
    let withholdsKeyFrames: @Sendable () -> Bool
    let didSend: @Sendable (_ frame: Int, _ time: Int64) -> Void

    private static let payloadLimit = 1300

    func run() {
        var datagrams: Datagrams?
        while let request = socket.receiveHead() {
            let lines = request.split(separator: "\r\n")
            let method = request.prefix { $0 != " " }
            let sequence = header("CSeq", lines) ?? "0"
            guard method == "OPTIONS" || options.challenge == nil else {
                answer("401 Unauthorized", sequence, "WWW-Authenticate: \(options.challenge!)\r\n")
                continue
            }
            switch method {
            case "DESCRIBE": answer("200 OK", sequence, "Content-Type: application/sdp\r\n", description)
            case "SETUP":
                let transport = header("Transport", lines) ?? ""
                if transport.contains("TCP") {
                    guard options.offersTCP else {
                        answer("461 Unsupported Transport", sequence)
                        continue
                    }
                    answer(
                        "200 OK", sequence,
                        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n")
                } else {
                    let ports = transport.split(separator: "client_port=").last?.prefix { $0.isNumber || $0 == "-" }
                    let port = ports?.split(separator: "-").first.flatMap { UInt16($0) } ?? 0
                    datagrams = Datagrams(port: port)
                    answer(
                        "200 OK", sequence,
                        "Transport: RTP/AVP;unicast;client_port=\(ports ?? "");server_port=\(datagrams?.ownPort ?? 0)-0"
                            + "\r\nSession: 1;timeout=60\r\n")
                }
            case "PLAY":
                answer("200 OK", sequence, "Session: 1\r\nRange: npt=0.000-\r\n")
                let datagrams = datagrams
                Thread.detachNewThread { try? play(datagrams) }
            case "TEARDOWN":
                answer("200 OK", sequence)
                return
            default: answer("200 OK", sequence, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")
            }
        }
    }

    private func header(_ name: String, _ lines: [Substring]) -> String? {
        lines.first { $0.hasPrefix(name + ":") }.map {
            $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
        }
    }

    private func answer(_ status: String, _ sequence: String, _ headers: String = "", _ body: String = "") {
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        try? socket.send("RTSP/1.0 \(status)\r\nCSeq: \(sequence)\r\n\(headers)\(length)\r\n\(body)")
    }

    private var description: String {
        let sets = frames.first?.filter { [7, 8].contains($0[0] & 31) } ?? []
        let encoded = sets.map { Data($0).base64EncodedString() }.joined(separator: ",")
        let parameters = options.describesParameterSets ? ";sprop-parameter-sets=\(encoded)" : ""
        return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
            + "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\(parameters)\r\na=control:video\r\n"
    }

    /// Sends the frames in a loop.
    private func play(_ datagrams: Datagrams?) throws {
        let start = Date()
        var sequence = UInt16.random(in: 0...1000)
        for sent in 0... {
            if sent == options.closesAfter { return socket.shutDown() }
            if sent >= options.stallsAfter { return }
            let number = options.firstFrame + sent
            let seconds = Double(sent) / options.framesPerSecond
            let time = UInt32(truncatingIfNeeded: Int((seconds + (sent >= 20 ? options.jump : 0)) * 90_000))
            let frame = frames[number % frames.count]
            let isWithheld = frame.contains { $0[0] & 31 == 5 } && withholdsKeyFrames()
            if !isWithheld { didSend(number, Int64(Date().timeIntervalSince1970 * 1e6)) }
            let units = isWithheld ? [] : frame.flatMap { RTSPSession.payloads($0) }
            for (index, payload) in units.enumerated() {
                sequence &+= 1
                let packet = packet(payload, sequence, time, isLast: index == units.count - 1)
                if let datagrams {
                    datagrams.send(packet)
                } else {
                    try socket.send([0x24, 0, UInt8(packet.count >> 8), UInt8(packet.count & 255)] + packet)
                }
            }
            let due = start.addingTimeInterval(Double(sent + 1) / options.framesPerSecond)
            Thread.sleep(until: due)
        }
    }

    private func packet(_ payload: [UInt8], _ sequence: UInt16, _ time: UInt32, isLast: Bool) -> [UInt8] {
        let times = (0..<4).map { UInt8(time >> (24 - 8 * $0) & 255) }
        return [0x80, isLast ? 0xe0 : 0x60, UInt8(sequence >> 8), UInt8(sequence & 255)] + times + [0, 0, 0, 7]
            + payload
    }

    /// Returns a unit as one payload, or in fragments (RFC 6184, 5.8).
    private static func payloads(_ unit: [UInt8]) -> [[UInt8]] {
        guard unit.count > payloadLimit else { return [unit] }
        return stride(from: 1, to: unit.count, by: payloadLimit).map { start in
            let end = min(start + payloadLimit, unit.count)
            let flags: UInt8 = (start == 1 ? 0x80 : 0) | (end == unit.count ? 0x40 : 0)
            return [unit[0] & 0xe0 | 28, flags | unit[0] & 31] + unit[start..<end]
        }
    }

    /// A UDP socket that sends to a port of the loopback interface.
    private final class Datagrams: Sendable {
        private let descriptor = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        let ownPort: UInt16

        init(port: UInt16) {
            _ = try? Loopback.connect(descriptor, to: port)
            ownPort = Loopback.port(of: descriptor)
        }

        deinit { close(descriptor) }

        func send(_ bytes: [UInt8]) { _ = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }
}
