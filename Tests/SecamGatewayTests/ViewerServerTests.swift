import Glibc
import NIOCore
import NIOPosix
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

struct ViewerServerTests {
    @Test func `a viewer logs in, sees the cameras and gets the watched frames`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door", "yard"])
            let (viewer, cameras) = try await harness.loggedIn()
            #expect(cameras.cameras.map(\.name.text) == ["door", "yard"])
            #expect(harness.figure(.viewers) == 1)

            viewer.send(Watch(camera: 1, rendition: .jpeg, credit: 2))
            var demands = harness.hub.demands.makeAsyncIterator()
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: true))
            harness.publish(1)
            #expect(try await viewer.nextFrame().sequence == 1)
            harness.publish(1)
            harness.publish(2, camera: 2)
            harness.publish(2)
            #expect(try await viewer.nextFrame().sequence == 2)
            viewer.send(Unwatch(camera: 1))
            #expect(await demands.next() == .init(camera: 1, rendition: .jpeg, wanted: false))
        }
    }

    @Test func `all viewers get the same bytes, and a new one gets the last frame at once`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            var viewers: [TestViewer] = []
            for _ in 0..<3 { viewers.append(try await harness.loggedIn().viewer) }
            var messages: [[UInt8]] = []
            for viewer in viewers {
                viewer.send(Watch(camera: 1, rendition: .sub, credit: 10))
                if messages.isEmpty {
                    _ = await demands.next()
                    harness.publish(5, rendition: .sub, bytes: 300_000)
                }
                messages.append(try #require(await viewer.next()).bytes)
            }
            #expect(Set(messages).count == 1)
            #expect(messages[0].count > 300_000)
        }
    }

    @Test func `a viewer that stops reading skips frames while others get all`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let (fast, _) = try await harness.loggedIn()
            let (slow, _) = try await harness.loggedIn(receiveBuffer: 64 << 10)
            fast.send(Watch(camera: 1, rendition: .jpeg, credit: 1024))
            slow.send(Watch(camera: 1, rendition: .jpeg, credit: 1024))
            _ = await demands.next()
            harness.publish(1, bytes: 400_000)
            #expect(try await fast.nextFrame().sequence == 1)
            #expect(try await slow.nextFrame().sequence == 1)

            try await slow.setReading(false)
            var newest: UInt64 = 1
            while harness.figure(.framesSkipped) < 20, newest < 500 {
                newest += 1
                harness.publish(newest, bytes: 400_000)
                #expect(try await fast.nextFrame().sequence == newest)
            }
            #expect(harness.figure(.framesSkipped) >= 20)

            try await slow.setReading(true)
            var last: UInt64 = 1
            while last < newest {
                let sequence = try await slow.nextFrame().sequence
                #expect(sequence > last)
                last = sequence
            }
            #expect(last == newest)
        }
    }

    @Test func `without credit no frame is sent, and new credit fetches the newest frame`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let (viewer, _) = try await harness.loggedIn()
            viewer.send(Watch(camera: 1, rendition: .jpeg, credit: 0))
            _ = await demands.next()
            for sequence: UInt64 in 1...5 { harness.publish(sequence) }
            viewer.send(Ping(token: 9))
            #expect(try await viewer.next(Pong.self).token == 9)
            viewer.send(Credit(flow: 1, frames: 1))
            #expect(try await viewer.nextFrame().sequence == 5)
            harness.publish(6)
            viewer.send(Ping(token: 10))
            #expect(try await viewer.next(Pong.self).token == 10)
        }
    }

    @Test func `viewers are told that a camera lacks a rendition, until it sends a frame`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let (first, _) = try await harness.loggedIn()
            first.send(Watch(camera: 1, rendition: .sub, credit: 2))
            _ = await demands.next()
            harness.server.refuse(camera: 1, .sub, "no sub")
            harness.server.refuse(camera: 1, .sub, "no sub")
            let error = try await first.next(ErrorMessage.self)
            #expect(error.code == .noSuchRendition && error.detail == "no sub")
            let (second, _) = try await harness.loggedIn()
            second.send(Watch(camera: 1, rendition: .sub, credit: 2))
            #expect(try await second.next(ErrorMessage.self).code == .noSuchRendition)
            harness.publish(1, rendition: .sub)
            // Each viewer got the error once, and its watch continued.
            #expect(try await first.nextFrame().sequence == 1)
            #expect(try await second.nextFrame().sequence == 1)
            let (third, _) = try await harness.loggedIn()
            third.send(Watch(camera: 1, rendition: .sub, credit: 2))
            #expect(try await third.nextFrame().sequence == 1)

            harness.server.refuse(camera: 1, .sub, "no sub")
            #expect(try await third.next(ErrorMessage.self).code == .noSuchRendition)
            harness.server.forgetRefusals(of: 1)
            third.send(Watch(camera: 1, rendition: .sub, credit: 2))
            #expect(try await third.nextFrame().sequence == 1, "the held frame")
        }
    }

    @Test func `a camera that the user may not see looks like a missing one`() async throws {
        try await ViewerHarness.run { harness in
            try harness.users.add(
                Name("bert"), password: ViewerHarness.password, role: .viewer, cameras: .only([Name("yard")]))
            try harness.showCameras(["door", "yard"])
            let (viewer, cameras) = try await harness.loggedIn("bert")
            #expect(cameras.cameras.map(\.camera) == [2])
            viewer.send(Watch(camera: 1, rendition: .jpeg, credit: 1))
            let hidden = try await viewer.next(ErrorMessage.self)
            viewer.send(Watch(camera: 99, rendition: .jpeg, credit: 1))
            let missing = try await viewer.next(ErrorMessage.self)
            #expect(hidden.code == .noSuchCamera)
            #expect(missing.code == .noSuchCamera)
            #expect(hidden.detail.replacing("1", with: "99") == missing.detail)
        }
    }

    @Test func `new rights apply within the session, and frames of hidden cameras stop`() async throws {
        try await ViewerHarness.run { harness in
            let bert = try Name("bert")
            try harness.users.add(bert, password: ViewerHarness.password, role: .viewer)
            try harness.showCameras(["door", "yard"])
            var demands = harness.hub.demands.makeAsyncIterator()
            let (viewer, _) = try await harness.loggedIn("bert")
            viewer.send(Watch(camera: 1, rendition: .jpeg, credit: 100))
            _ = await demands.next()
            harness.publish(1)
            #expect(try await viewer.nextFrame().sequence == 1)
            try harness.users.grant(.only([Name("yard")]), to: bert)
            #expect(try await viewer.next(Cameras.self).cameras.map(\.camera) == [2])
            harness.publish(2)
            viewer.send(Ping(token: 1))
            _ = try await viewer.next(Pong.self)
        }
    }

    @Test(arguments: ["removed", "password", "role", "disabled"])
    func `a session ends when the account changes`(change: String) async throws {
        try await ViewerHarness.run { harness in
            let bert = try Name("bert")
            try harness.users.add(bert, password: ViewerHarness.password, role: .viewer)
            let (viewer, _) = try await harness.loggedIn("bert")
            let (other, _) = try await harness.loggedIn("anna")
            switch change {
            case "removed": try harness.users.remove(bert)
            case "password": try harness.users.setPassword("another", of: bert)
            case "role": try harness.users.setRole(.admin, of: bert)
            default: try harness.users.setDisabled(true, of: bert)
            }
            #expect(try await viewer.next(Bye.self).reason == .revoked)
            #expect(await viewer.next() == nil)
            other.send(Ping(token: 1))
            _ = try await other.next(Pong.self)
        }
    }

    @Test func `changed cameras are sent, and unchanged ones are not`() async throws {
        try await ViewerHarness.run { harness in
            try harness.showCameras(["door"])
            let (viewer, _) = try await harness.loggedIn()
            try harness.showCameras(["door"])
            harness.server.update(cameras: [try camera(1, "door", state: .offline)])
            #expect(try await viewer.next(Cameras.self).cameras.map(\.state) == [.offline])
        }
    }

    @Test func `an unknown user and a wrong password get the same answers, locks included`() async throws {
        try await ViewerHarness.run { harness in
            var answers: [String: [[UInt8]]] = [:]
            for username in ["anna", "nobody"] {
                let viewer = try await harness.connect()
                viewer.send(Hello(software: "test"))
                _ = try await viewer.next(Hello.self)
                for _ in 0..<3 {
                    viewer.send(Login(username: username, password: "wrong"))
                    answers[username, default: []].append(try #require(await viewer.next()).bytes)
                }
                #expect(try await viewer.next(Bye.self).reason == .overload)
                #expect(await viewer.next() == nil)
                let again = try await harness.connect()
                again.send(Hello(software: "test"))
                _ = try await again.next(Hello.self)
                again.send(Login(username: username, password: ViewerHarness.password))
                let denied = try await again.next(Denied.self)
                #expect(denied.reason == .locked)
                #expect(denied.wait == 1)
            }
            #expect(answers["anna"] == answers["nobody"])
        }
    }

    @Test func `connections from one address are limited`() async throws {
        try await ViewerHarness.run {
            $0.connectionLimits.connectionsPerAddress = 2
        } _: { harness in
            let (first, _) = try await harness.loggedIn()
            let (second, _) = try await harness.loggedIn()
            let third = try await harness.connect()
            #expect(await third.next() == nil)
            try await first.close()
            #expect(await first.next() == nil)
            // The server may notice the end later than the test.
            var fourth = try await harness.connect()
            fourth.send(Hello(software: "test"))
            while await fourth.next() == nil {
                fourth = try await harness.connect()
                fourth.send(Hello(software: "test"))
            }
            second.send(Ping(token: 1))
            _ = try await second.next(Pong.self)
        }
    }

    @Test func `idle connections from five addresses do not keep viewers from others out`() async throws {
        try await ViewerHarness.run { harness in
            let (watching, _) = try await harness.loggedIn(from: "127.0.4.1")
            var idle: [any Channel] = []
            for index in 0..<320 {
                let source = try SocketAddress(ipAddress: "127.0.4.\(1 + index % 5)", port: 0)
                idle.append(
                    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .bind(to: source).connect(to: harness.address).get())
            }
            _ = try await harness.loggedIn(from: "127.0.0.9")
            watching.send(Ping(token: 1))
            _ = try await watching.next(Pong.self)
            // The server may have closed them already.
            for channel in idle { try? await channel.close() }
        }
    }

    @Test func `frames flow while many handshakes wait`() async throws {
        try await ViewerHarness.run({ $0.connectionLimits.connectionsPerAddress = 1000 }) { harness in
            try harness.showCameras(["door"])
            let (viewer, _) = try await harness.loggedIn()
            viewer.send(Watch(camera: 1, rendition: .jpeg, credit: 100))
            var demands = harness.hub.demands.makeAsyncIterator()
            _ = await demands.next()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let silent = try await harness.connect(from: "127.0.5.\(1 + index)")
                        silent.send(Hello(software: "test"))
                        _ = try await silent.next(Hello.self)
                    }
                }
                for sequence: UInt64 in 1...50 {
                    harness.publish(sequence)
                    #expect(try await viewer.nextFrame().sequence == sequence)
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a user's connections are limited, and further ones get a reason`()
        async throws
    {
        try await ViewerHarness.run({ $0.connectionLimits.connectionsPerUser = 2 }) { harness in
            try harness.users.add(Name("bert"), password: ViewerHarness.password, role: .viewer)
            let (first, _) = try await harness.loggedIn("bert")
            let (second, _) = try await harness.loggedIn("bert")
            let third = try await harness.greeted()
            third.send(Login(username: "bert", password: ViewerHarness.password))
            let denied = try await third.next(Denied.self)
            #expect(denied.reason == .busy)
            #expect(denied.detail == "at most 2 connections of one user at once; close one")
            _ = try await harness.loggedIn("anna")
            second.send(Ping(token: 1))
            _ = try await second.next(Pong.self)
            try await first.close()
            // The server may notice the end later than the test.
            while true {
                let again = try await harness.greeted()
                again.send(Login(username: "bert", password: ViewerHarness.password))
                if try #require(await again.next()).envelope.type == .welcome { break }
            }
        }
    }

    @Test func `a device with a token logs in while others guess from the same address`() async throws {
        try await ViewerHarness.run { harness in
            let device = try await harness.greeted()
            device.send(Login(username: "anna", password: ViewerHarness.password, remember: true))
            let token = try await device.next(Welcome.self).token
            #expect(token != DeviceToken.none)

            let guesser = try await harness.greeted()
            for _ in 0..<3 {
                guesser.send(Login(username: "anna", password: "wrong"))
                _ = try await guesser.next(Denied.self)
            }
            let stranger = try await harness.greeted()
            stranger.send(Login(username: "anna", password: ViewerHarness.password))
            #expect(try await stranger.next(Denied.self).reason == .locked)

            let again = try await harness.greeted()
            again.send(Login(username: "anna", password: ViewerHarness.password, remember: true, token: token))
            #expect(try await again.next(Welcome.self).token == DeviceToken.none, "the token stays valid")

            try harness.users.setPassword("another", of: Name("anna"))
            #expect(try await harness.closed(again).reason == .revoked)
        }
    }

    @Test func `a token takes the place of the password until its session ends`() async throws {
        try await ViewerHarness.run { harness in
            let first = try await harness.greeted()
            first.send(Login(username: "anna", password: ViewerHarness.password, remember: true))
            let token = try await first.next(Welcome.self).token
            /// Logs in with the token and an empty password.
            func resumed(_ user: String = "anna", _ token: [UInt8]) async throws -> TestViewer {
                let viewer = try await harness.greeted()
                viewer.send(Login(username: user, password: "", token: token))
                return viewer
            }
            let viewer = try await resumed("anna", token)
            let other = try await resumed("anna", token)
            for viewer in [viewer, other] {
                let welcome = try await viewer.next(Welcome.self)
                #expect(welcome.role == .admin && welcome.token == DeviceToken.none)
            }
            // Others do not count as guesses: the password is accepted after them.
            let wrong = [UInt8](repeating: 1, count: WireLimits.deviceToken)
            for (user, token) in [("anna", wrong), ("bert", token), ("nobody", token)] {
                for _ in 0..<4 {
                    #expect(try await resumed(user, token).next(Denied.self).reason == .credentials)
                }
            }
            _ = try await harness.loggedIn("anna")

            viewer.send(Bye(reason: .revoked))
            #expect(try await harness.closed(other).reason == .revoked)
            #expect(try await resumed("anna", token).next(Denied.self).reason == .credentials)
            let again = try await harness.greeted()
            again.send(Login(username: "anna", password: ViewerHarness.password, remember: true, token: token))
            #expect(try await again.next(Welcome.self).token == DeviceToken.none, "it is still a device token")
            let once = try await resumed("anna", token)
            _ = try await once.next(Welcome.self)
            try harness.users.setPassword("another", of: Name("anna"))
            #expect(try await harness.closed(once).reason == .revoked)
            #expect(try await resumed("anna", token).next(Denied.self).reason == .credentials)
        }
    }

    @Test func `a viewer with LOGIN version 1 logs in and gets no token`() async throws {
        try await ViewerHarness.run { harness in
            var login = Login(username: "anna", password: ViewerHarness.password).encoded()
            login.removeLast(1 + WireLimits.deviceToken + 2)
            login[0] = UInt8(login.count - 4)
            login[6] = 1
            let viewer = try await harness.greeted()
            viewer.send(login)
            #expect(try await viewer.next(Welcome.self).token == DeviceToken.none)
        }
    }

    @Test func `a stalled handshake is closed`() async throws {
        try await ViewerHarness.run {
            $0.viewerLimits.handshakeTimeout = .milliseconds(50)
        } _: { harness in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(to: harness.address).get()
            // Only the first bytes of a TLS record.
            channel.writeAndFlush(ByteBuffer(bytes: [0x16, 0x03, 0x01]), promise: nil)
            try await channel.closeFuture.get()
        }
    }

    @Test func `a viewer without HELLO gets BYE`() async throws {
        try await ViewerHarness.run {
            $0.viewerLimits.helloTimeout = .milliseconds(50)
        } _: { harness in
            let silent = try await harness.connect()
            #expect(try await silent.next(Bye.self) == Bye(reason: .idle, detail: "no HELLO"))
            #expect(await silent.next() == nil)
        }
    }

    @Test func `a viewer without LOGIN gets BYE`() async throws {
        try await ViewerHarness.run {
            $0.viewerLimits.loginTimeout = .milliseconds(50)
        } _: { harness in
            let polite = try await harness.connect()
            polite.send(Hello(software: "test"))
            #expect(try await polite.next(Hello.self).idle == 3600)
            #expect(try await polite.next(Bye.self) == Bye(reason: .idle, detail: "no LOGIN"))
            #expect(await polite.next() == nil)
        }
    }

    @Test func `a viewer that falls silent after login gets BYE`() async throws {
        try await ViewerHarness.run {
            $0.viewerLimits.idleSeconds = 1
        } _: { harness in
            let (idle, _) = try await harness.loggedIn()
            #expect(try await idle.next(Bye.self) == Bye(reason: .idle, detail: "no message for 1 s"))
            #expect(await idle.next() == nil)
        }
    }

    @Test func `a viewer that does not read its answers gets all of them later`() async throws {
        try await ViewerHarness.run { harness in
            let (viewer, _) = try await harness.loggedIn(receiveBuffer: 4 << 10)
            try await viewer.setReading(false)
            let count: UInt64 = 9000
            viewer.send((0..<count).flatMap { Ping(token: $0).encoded() })
            try await viewer.setReading(true)
            for token in 0..<count { #expect(try await viewer.next(Pong.self).token == token) }
        }
    }

    @Test func `a connection without TLS is closed without effect on others`() async throws {
        try await ViewerHarness.run { harness in
            let (viewer, _) = try await harness.loggedIn()
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(to: harness.address).get()
            channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), promise: nil)
            try await channel.closeFuture.get()
            viewer.send(Ping(token: 1))
            _ = try await viewer.next(Pong.self)
        }
    }

    @Test func `messages can arrive byte by byte or many at once`() async throws {
        try await ViewerHarness.run { harness in
            let viewer = try await harness.connect()
            for byte in Hello(software: "test").encoded() { viewer.send([byte]) }
            _ = try await viewer.next(Hello.self)
            for byte in Login(username: "anna", password: ViewerHarness.password).encoded() { viewer.send([byte]) }
            _ = try await viewer.next(Welcome.self)
            _ = try await viewer.next(Cameras.self)
            viewer.send((0..<2000).flatMap { Ping(token: $0).encoded() })
            for token: UInt64 in 0..<2000 { #expect(try await viewer.next(Pong.self).token == token) }
        }
    }

    @Test(
        arguments: [
            [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0x01, 0x10, 0, 0], [4, 0, 0, 0, 0xff, 0xff, 1, 0],
            [4, 0, 0, 0, 0x12, 0, 1, 0], [4, 0, 0, 0, 0x40, 0, 0, 0], [4, 0, 0, 0, 0x40, 0, 1, 0],
            [12, 0, 0, 0, 0x01, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        ] as [[UInt8]])
    func `a malformed message before login is answered with BYE`(bytes: [UInt8]) async throws {
        try await ViewerHarness.run { harness in
            let viewer = try await harness.connect()
            viewer.send(bytes)
            #expect(try await viewer.next(Bye.self).reason == .malformed)
            #expect(await viewer.next() == nil)
            #expect(harness.figure(.messagesRefused) == 1)
        }
    }

    @Test func `a message of more than 64 KiB after login is refused by its length`() async throws {
        try await ViewerHarness.run { harness in
            let (viewer, _) = try await harness.loggedIn()
            viewer.send([0xfd, 0xff, 0, 0])
            #expect(try await viewer.next(Bye.self).reason == .malformed)
            #expect(await viewer.next() == nil)
        }
    }

    @Test func `stopping sends BYE to all viewers and waits only for the close timeout`() async throws {
        try await ViewerHarness.run {
            $0.viewerLimits.closeTimeout = .milliseconds(50)
        } _: { harness in
            let (viewer, _) = try await harness.loggedIn()
            let (stuck, _) = try await harness.loggedIn()
            try await stuck.setReading(false)
            await harness.server.stop()
            #expect(try await viewer.next(Bye.self).reason == .shutdown)
            #expect(await viewer.next() == nil)
            harness.publish(1)
            try harness.showCameras(["late"])
            // Closing fails when the server closed the connection first.
            try? await stuck.close()
        }
    }

    @Test func `an error of listening names the port or address`() async throws {
        try await ViewerHarness.run { harness in
            let port = try #require(harness.address.port)
            await #expect(throws: ViewerServerError.portTaken(host: "127.0.0.1", port: port)) {
                try await ViewerHarness.run({ $0.port = port }, { _ in })
            }
        }
        await #expect(throws: ViewerServerError.addressNotAvailable(host: "192.0.2.1")) {
            try await ViewerHarness.run({ $0.host = "192.0.2.1" }, { _ in })
        }
        await #expect(throws: ViewerServerError.unknownHost("no.such.host.invalid")) {
            try await ViewerHarness.run({ $0.host = "no.such.host.invalid" }, { _ in })
        }
        await #expect(throws: ViewerServerError.portOutOfRange(70_000)) {
            try await ViewerHarness.run({ $0.port = 70_000 }, { _ in })
        }
        #expect(ViewerServerError(errno: EACCES, host: "h", port: 443) == .privilegedPort(443))
    }
}
