import NIOCore
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

struct ViewerSessionTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func user(_ role: UserRole = .viewer, _ cameras: CameraRights = .all) throws -> User {
        User(name: try Name("bert"), role: role, cameras: cameras, disabled: false, credentialRevision: 3)
    }

    private func view(_ count: UInt32 = 3, for rights: CameraRights = .all) throws -> VisibleCameras {
        VisibleCameras(of: try (1...count).map { try camera($0, "cam \($0)") }, for: rights)
    }

    private func session(_ limits: ViewerLimits = ViewerLimits()) -> ViewerSession {
        ViewerSession(limits: limits, software: "gateway", at: start)
    }

    /// Returns a session in the named state.
    private func session(in state: String, _ limits: ViewerLimits = ViewerLimits()) throws -> ViewerSession {
        var session = session(limits)
        if state == "hello" { return session }
        _ = session.receive(Hello(software: "v"), at: start)
        if state == "login" { return session }
        _ = session.receive(Login(username: "bert", password: "p"), at: start)
        if state == "verifying" { return session }
        _ = session.finishLogin(.accepted(try user(), asOf: 1), view: try view(), time: 5, at: start)
        _ = session.takePendingView()
        return session
    }

    private static let states = ["hello", "login", "verifying", "watching"]

    /// One valid message of each type between viewer and gateway.
    private static var messages: [(MessageType, [UInt8])] {
        [
            Hello(software: "v").typed, Login(username: "u", password: "p").typed, Ping(token: 1).typed,
            Pong(token: 1).typed, ErrorMessage(code: .unexpected, detail: "").typed, Bye(reason: .done).typed,
            Watch(camera: 1, rendition: .jpeg, credit: 1).typed, Unwatch(camera: 1).typed,
            Follow(live: true, since: 0).typed, Credit(flow: 1, frames: 1).typed, Welcome(role: .admin, time: 0).typed,
            Denied(reason: .busy, wait: 0, detail: "").typed, Cameras(cameras: []).typed, StatusRequest().typed,
        ]
    }

    @Test(arguments: states)
    func `a message in the wrong state ends the connection`(state: String) throws {
        let allowed: [String: Set<MessageType>] = [
            "hello": [.hello, .bye], "login": [.login, .bye], "verifying": [.bye],
            "watching": [.hello, .login, .ping, .pong, .error, .bye, .watch, .unwatch, .credit, .follow],
        ]
        for (type, bytes) in Self.messages {
            var session = try session(in: state)
            let actions = session.receive(bytes, at: start)
            let isRefused = actions.contains(.rejected(.unknownType(type.rawValue)))
            #expect(isRefused == (allowed[state]?.contains(type) == false), "\(type) in \(state)")
            let isClosed = actions.contains(.close(.malformed)) || actions.contains(.close(.done))
            #expect(isClosed == (isRefused || type == .bye), "\(type) in \(state)")
            if isClosed {
                #expect(session.state == .closed)
                for (_, bytes) in Self.messages { #expect(session.receive(bytes, at: start).isEmpty) }
            }
        }
    }

    @Test func `the maximum message length grows only with the login`() throws {
        for state in ["hello", "login", "verifying"] {
            #expect(try session(in: state).messageLimit == WireLimits.beforeLogin)
        }
        #expect(try session(in: "watching").messageLimit == WireLimits.viewerMessage)
    }

    @Test func `a truncated body is refused in every state`() throws {
        for state in Self.states {
            var session = try session(in: state)
            // A BYE of one byte lacks its detail.
            let actions = session.receive([5, 0, 0, 0, 4, 0, 1, 0, 1], at: start)
            #expect(actions.first == .rejected(.truncated(field: "detail")))
            #expect(actions.last == .close(.malformed))
        }
    }

    @Test func `a login is answered with WELCOME and the cameras`() throws {
        var session = try session(in: "login")
        #expect(
            session.receive(Login(username: "bert", password: "secret"), at: start)
                == [.authenticate(Login(username: "bert", password: "secret"))])
        #expect(session.deadline == nil)
        let view = try view()
        let user = try user()
        let actions = session.finishLogin(.accepted(user, asOf: 1), view: view, time: 77, at: start)
        #expect(actions == [.send(Welcome(role: .viewer, time: 77).encoded())])
        #expect(session.takePendingView() === view)
        #expect(session.takePendingView() == nil)
        #expect(session.user == user)
    }

    @Test func `the third denial closes the connection`() throws {
        var session = try session(in: "login")
        for count in 1...3 {
            _ = session.receive(Login(username: "bert", password: "x"), at: start)
            let actions = session.finishLogin(.denied(.credentials, wait: 0), view: nil, time: 0, at: start)
            #expect(actions.last == (count < 3 ? actions.first : .close(.overload)))
            #expect((session.state == .login) == (count < 3))
        }
    }

    @Test func `a login result after the end of the session changes nothing`() throws {
        var session = try session(in: "verifying")
        _ = session.end(.done)
        #expect(try session.finishLogin(.accepted(user(), asOf: 1), view: view(), time: 0, at: start).isEmpty)
        #expect(session.user == nil)
    }

    @Test func `each state has an idle timeout except while the password is checked`() throws {
        for (state, seconds) in [("hello", 10), ("login", 10), ("watching", 60)] as [(String, Int64)] {
            var session = try session(in: state)
            #expect(session.deadline == start + .seconds(seconds))
            #expect(session.deadlineReached(at: start + .seconds(seconds) - .nanoseconds(1)).isEmpty)
            #expect(session.deadlineReached(at: start + .seconds(seconds)).last == .close(.idle))
        }
        var verifying = try session(in: "verifying")
        #expect(verifying.deadlineReached(at: start + .hours(1)).isEmpty)
    }

    @Test func `any message restarts the idle timeout`() throws {
        var session = try session(in: "watching")
        _ = session.receive(Ping(token: 1), at: start + .seconds(59))
        #expect(session.deadline == start + .seconds(119))
    }

    @Test func `too many messages per second close the connection`() throws {
        var limits = ViewerLimits()
        limits.messageBurst = 10
        limits.messagesPerSecond = 5
        var session = try session(in: "watching", limits)
        for token: UInt64 in 0..<8 { _ = session.receive(Ping(token: token), at: start) }
        #expect(session.receive(Ping(token: 9), at: start).last == .close(.overload))
    }

    @Test func `watches are limited, and a watch can be replaced at the limit`() throws {
        var limits = ViewerLimits()
        limits.watches = 2
        var session = try session(in: "watching", limits)
        let first = FlowKey(camera: 1, rendition: .jpeg)
        let second = FlowKey(camera: 1, rendition: .sub)
        #expect(session.receive(Watch(camera: 1, rendition: .jpeg, credit: 1), at: start) == [.startFlow(first)])
        _ = session.receive(Watch(camera: 2, rendition: .jpeg, credit: 1), at: start)
        let refused = session.receive(Watch(camera: 3, rendition: .jpeg, credit: 1), at: start)
        #expect(refused.errorCode == .tooMany)
        #expect(
            session.receive(Watch(camera: 1, rendition: .sub, credit: 1), at: start)
                == [.stopFlow(first), .startFlow(second)])
        #expect(session.receive(Unwatch(camera: 1), at: start) == [.stopFlow(second)])
        #expect(session.receive(Unwatch(camera: 1), at: start).isEmpty)
    }

    @Test func `a watch of an unknown rendition is an error`() throws {
        var session = try session(in: "watching")
        #expect(
            session.receive(Watch(camera: 1, rendition: .luma, credit: 1), at: start).errorCode == .noSuchRendition)
    }

    @Test func `a watch of a rendition that its camera lacks gets an error and continues`() throws {
        var session = try session(in: "watching")
        let key = FlowKey(camera: 1, rendition: .sub)
        #expect(session.refuse(key, "no sub").isEmpty, "it is not watched")
        _ = session.receive(Watch(camera: 1, rendition: .sub, credit: 1), at: start)
        #expect(session.refuse(FlowKey(camera: 1, rendition: .jpeg), "no jpeg").isEmpty)
        #expect(session.refuse(key, "no sub").errorCode == .noSuchRendition)
        #expect(session.offer(frame(key, 1)) == .taken)
    }

    @Test func `a camera without the right to see it is stopped and refused`() throws {
        var session = try session(in: "watching")
        let key = FlowKey(camera: 2, rendition: .jpeg)
        _ = session.receive(Watch(camera: 2, rendition: .jpeg, credit: 9), at: start)
        #expect(session.offer(frame(key, 1)) == .taken)
        let narrowed = try view(3, for: .only([Name("cam 1")]))
        #expect(session.show(narrowed) == [.stopFlow(key)])
        #expect(session.takePendingView() === narrowed)
        #expect(session.nextFrame(at: start) == nil)
        #expect(session.offer(frame(key, 2)) == .ignored)
        let refused = session.receive(Watch(camera: 2, rendition: .jpeg, credit: 1), at: start)
        #expect(refused.errorCode == .noSuchCamera)
    }

    @Test func `an unchanged camera list is not sent again`() throws {
        var session = try session(in: "watching")
        let other = try view(2)
        _ = session.show(other)
        #expect(session.takePendingView() === other)
        _ = session.show(other)
        #expect(session.takePendingView() == nil)
    }

    @Test func `new rights keep the session, and new credentials end it`() throws {
        var session = try session(in: "watching")
        let narrowed = try user(.viewer, .only([]))
        #expect(session.accountChanged(to: narrowed).isEmpty)
        #expect(session.user == narrowed)
        #expect(session.accountChanged(to: nil).last == .close(.revoked))
        #expect(session.accountChanged(to: nil).isEmpty)
    }

    @Test func `closing a session stops all its flows`() throws {
        var session = try session(in: "watching")
        _ = session.receive(Watch(camera: 1, rendition: .jpeg, credit: 1), at: start)
        _ = session.receive(Watch(camera: 2, rendition: .sub, credit: 1), at: start)
        let stopped = session.close(.shutdown, "").filter { if case .stopFlow = $0 { true } else { false } }
        #expect(stopped.count == 2)
    }

    private func frame(_ key: FlowKey, _ serial: UInt64) -> SharedFrame {
        SharedFrame(key: key, serial: serial, message: ByteBuffer(), published: start)
    }
}

extension ViewerSession {
    mutating func receive(_ message: some WireMessage, at now: NIODeadline) -> [Action] {
        receive(message.encoded(), at: now)
    }

    mutating func receive(_ bytes: [UInt8], at now: NIODeadline) -> [Action] {
        do {
            let envelope = try Envelope.readWhole(bytes.span, limit: messageLimit)
            return receive(envelope, bytes.span, at: now)
        } catch {
            return malformed(error)
        }
    }
}

extension WireMessage {
    var typed: (MessageType, [UInt8]) { (Self.type, encoded()) }
}

extension [ViewerSession.Action] {
    /// The code of the ERROR message, if it is the only action.
    var errorCode: ErrorCode? {
        guard count == 1, case .send(let bytes) = self[0],
            let envelope = try? Envelope.readWhole(bytes.span, limit: WireLimits.viewerMessage)
        else { return nil }
        return try? ErrorMessage.decode(bytes.span, envelope).code
    }
}
