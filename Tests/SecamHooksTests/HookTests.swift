import Foundation
import Logging
import SecamBase
import SecamCrypto
import SecamPolicy
import SecamProcess
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamHooks

@Suite struct HookTests {
    private let scratch: ScratchFolder
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws { scratch = try ScratchFolder() }

    private func event(_ state: EventState = .start, id: UInt64 = 1, camera: String = "porch") throws -> HookEvent {
        HookEvent(
            camera: try Name(camera),
            event: CameraEvent(
                kind: .motion, state: state, id: id, start: 0, last: 1, peakTime: 0, peakSequence: 1, peakBox: .none,
                boxes: []))
    }

    private func rule(
        _ action: HookRule.Action, cameras: [Name] = [], states: Set<EventState> = [.start, .end],
        timeout: Duration = .seconds(600)
    ) -> HookRule {
        HookRule(name: "hook", action: action, cameras: cameras, states: states, timeout: timeout)
    }

    private func script(_ text: String) -> HookRule.Action { .run(["/bin/sh", "-c", text]) }

    // MARK: Programs

    @Test func `a program's environment holds the event and nothing of the gateway`() async throws {
        let file = scratch.file("seen")
        try await CommandHook.run(["/bin/sh", "-c", "env > '\(file)'"], try event(), timeout: .seconds(600))
        let lines = scratch.text("seen").split(separator: "\n")
        #expect(lines.contains("SECAM_CAMERA=porch"))
        #expect(lines.contains("SECAM_STATE=start"))
        let json = try #require(lines.first { $0.hasPrefix("SECAM_EVENT=") }?.dropFirst("SECAM_EVENT=".count))
        #expect(try JSONValue(String(json))["camera"].text == "porch")
        #expect(!lines.contains { $0.hasPrefix("HOME=") })
    }

    @Test func `a camera's name is never run as a command`() async throws {
        let file = scratch.file("seen")
        let odd = "$(touch x); 'rm' \"&"
        try await CommandHook.run(
            ["/bin/sh", "-c", "printf '%s' \"$SECAM_CAMERA\" > '\(file)'"], try event(camera: odd),
            timeout: .seconds(600))
        #expect(scratch.text("seen") == odd)
    }

    @Test func `a program that fails, hangs or is missing is an error`() async throws {
        let event = try event()
        await #expect(throws: HookFailure.self) {
            try await CommandHook.run(["/bin/sh", "-c", "exit 3"], event, timeout: .seconds(600))
        }
        await #expect(throws: HookFailure.self) {
            try await CommandHook.run(["/no/program"], event, timeout: .seconds(600))
        }
        let hung = await #expect(throws: HookFailure.self) {
            try await CommandHook.run(["/bin/sleep", "1000"], event, timeout: .seconds(0.1))
        }
        #expect(hung?.description.contains("0.1 s") == true)
    }

    // MARK: Rules and queues

    @Test func `a hook runs for its own cameras and states only`() async throws {
        let hooks = Hooks(logger: logger)
        defer { hooks.stop() }
        hooks.update([
            rule(script("echo $SECAM_CAMERA $SECAM_STATE >> \(scratch.file("heard"))"), cameras: [try Name("porch")])
        ])
        hooks.dispatch(try event(camera: "yard"))
        hooks.dispatch(try event(.start))
        hooks.dispatch(try event(.update))
        hooks.dispatch(try event(.end))
        #expect(try await waitUntil { scratch.text("heard") == "porch start\nporch end\n" })
    }

    @Test func `a hook runs for the conditions that it names`() async throws {
        let file = scratch.file("seen")
        let hooks = Hooks(logger: logger)
        hooks.update([
            HookRule(
                name: "alarm",
                action: script("echo \"$SECAM_KIND $SECAM_STATE $SECAM_CAMERA $SECAM_EVENT\" >> '\(file)'"),
                cameras: [try Name("porch")], states: [], conditions: [.cameraOffline, .diskLow], timeout: .seconds(600)
            )
        ])
        hooks.dispatch(try event())
        hooks.dispatch(HookEvent(.cameraOffline, of: try Name("yard"), isOver: false, time: 0))
        hooks.dispatch(HookEvent(.recordingStopped, of: try Name("porch"), isOver: false, time: 0))
        hooks.dispatch(HookEvent(.cameraOffline, of: try Name("porch"), isOver: false, time: 1_000_000))
        hooks.dispatch(HookEvent(.diskLow, of: try Name("archive-1"), isOver: true, time: 0))
        try await eventually("both conditions") { scratch.text("seen").split(separator: "\n").count >= 2 }
        hooks.stop()
        let lines = scratch.text("seen").split(separator: "\n")
        #expect(lines.count == 2, "\(lines)")
        #expect(lines[0].hasPrefix("camera-offline start porch {\"camera\":\"porch\",\"kind\":\"camera-offline\","))
        #expect(lines[0].contains("\"time_us\":1000000"))
        #expect(
            lines[1].hasPrefix("disk-low end  {\"archive\":\"archive-1\""),
            "an archive's condition matches hooks for any camera")
    }

    @Test func `a hook that hangs delays no other hook`() async throws {
        let hooks = Hooks(logger: logger)
        defer { hooks.stop() }
        let slow = HookRule(
            name: "slow", action: .run(["/bin/sleep", "1000"]), cameras: [], states: [.start], timeout: .seconds(600))
        hooks.update([slow, rule(script("echo $SECAM_EVENT >> \(scratch.file("heard"))"))])
        for id in 1...UInt64(HookQueue.limit * 2) {
            hooks.dispatch(try event(id: id))
            // One after the other, because the other hook's own queue is bounded too.
            #expect(try await waitUntil { scratch.text("heard").split(separator: "\n").count == Int(id) })
        }
    }

    @Test func `a camera that floods a hook displaces and delays only its own events`() async throws {
        let gate = scratch.file("gate")
        let queue = HookQueue(
            rule(
                script(
                    "while [ ! -e '\(gate)' ]; do sleep 0.01; done; echo $SECAM_CAMERA $SECAM_KIND >> "
                        + "'\(scratch.file("heard"))'"), states: [.start]),
            logger: logger)
        defer { queue.stop() }
        queue.add(try event(camera: "yard"))
        queue.add(try event(id: 1, camera: "porch"))
        queue.add(HookEvent(.cameraOffline, of: try Name("flood"), isOver: false, time: 0))
        for id in 1...UInt64(HookQueue.limit * 8) { queue.add(try event(id: id, camera: "flood")) }
        queue.add(try event(id: 2, camera: "porch"))
        try scratch.write("", to: "gate")
        // The first event may be running before the flood begins.
        func heard() -> [Substring] { scratch.text("heard").split(separator: "\n") }
        #expect(try await waitUntil { heard().count >= HookQueue.limit + 4 })
        let others = heard().enumerated().filter { $0.element != "flood motion" }
        #expect(
            others.map { String($0.element) }.sorted() == [
                "flood camera-offline", "porch motion", "porch motion", "yard motion",
            ])
        #expect(others.allSatisfy { $0.offset < 8 }, "cameras take turns")
    }

    @Test func `a full queue drops events of the camera with the most events`() {
        var queue = FairQueue<Int, Int>(laneLimit: 10, keyLimit: 8)
        for element in 0..<8 { #expect(queue.appendReplacing(element, key: 0) == nil) }
        #expect(queue.appendReplacing(8, key: 0) == 0)
        for key in 1...2 { #expect(queue.appendReplacing(100, key: key) == nil) }
        for key in 3...4 { #expect(queue.appendReplacing(100, key: key) == 0) }
        var left: [Int] = []
        while let element = queue.popFirst() { left.append(element) }
        #expect(left == [3, 100, 100, 100, 100, 4, 5, 6, 7, 8])
    }

    // MARK: Posts

    @Test func `a post is signed over its time and body`() throws {
        try scratch.write("s3cret\n", to: "secret")
        let headers = try Webhook.headers("{}", secretFile: scratch.file("secret"), time: 1700)
        let code = try HMACSHA256.code(for: Array("1700.{}".utf8), key: Array("s3cret".utf8))
        let digits = code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(headers.contains("X-Secam-Time: 1700"))
        #expect(headers.contains("X-Secam-Signature: sha256=\(digits)"))
        try scratch.write("s3cret\n", to: "open", mode: 0o644)
        #expect(throws: HookFailure.self) { _ = try Webhook.headers("{}", secretFile: scratch.file("open"), time: 1) }
        #expect(throws: HookFailure.self) { _ = try Webhook.headers("{}", secretFile: scratch.file("none"), time: 1) }
    }

    @Test func `an event is posted as JSON`() async throws {
        let server = try await PostServer.start([200])
        defer { server.stop() }
        try await Webhook.post(SecretURL(server.address), try event(), secretFile: nil, timeout: .seconds(600))
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("POST /hook HTTP/1.1\r\n"))
        #expect(request.contains("Content-Type: application/json\r\n"))
        let body = try #require(request.range(of: "\r\n\r\n")).upperBound
        #expect(try JSONValue(String(request[body...]))["state"].text == "start")
    }

    @Test func `a post is retried after a server error and not after a client error`() async throws {
        let server = try await PostServer.start([503, 500, 200, 404, 200])
        defer { server.stop() }
        let queue = HookQueue(
            rule(.post(SecretURL(server.address), secretFile: nil)), logger: logger, firstPause: .milliseconds(10))
        defer { queue.stop() }
        queue.add(try event(id: 1))
        #expect(try await waitUntil { server.requests.count == 3 })
        queue.add(try event(id: 2))
        #expect(try await waitUntil { server.requests.count == 4 })
        queue.add(try event(id: 3))
        #expect(try await waitUntil { server.requests.count == 5 })
        let ids = try server.requests.map { request in
            try JSONValue(String(request[#require(request.range(of: "\r\n\r\n")).upperBound...]))["id"].text?.suffix(1)
        }
        #expect(ids == ["1", "1", "1", "2", "3"])
    }

    @Test func `a missing server and a missing response are transient failures`() async throws {
        let server = try await PostServer.start([])
        let address = server.address
        let event = try event()
        let late = await #expect(throws: HookFailure.self) {
            try await Webhook.post(SecretURL(address), event, secretFile: nil, timeout: .seconds(0.2))
        }
        #expect(late?.isTransient == true)
        server.stop()
        let gone = await #expect(throws: HookFailure.self) {
            try await Webhook.post(SecretURL(address), event, secretFile: nil, timeout: .seconds(5))
        }
        #expect(gone?.isTransient == true)
    }
}
