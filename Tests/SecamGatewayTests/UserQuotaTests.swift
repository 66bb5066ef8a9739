import NIOCore
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

/// The limits that all connections of a user share.
struct UserQuotaTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func session(_ limits: ViewerLimits, _ quota: UserQuota) throws -> ViewerSession {
        let user = User(name: try Name("bert"), role: .admin, cameras: .all, disabled: false, credentialRevision: 3)
        var session = ViewerSession(limits: limits, software: "gateway", at: start)
        _ = session.receive(Hello(software: "v"), at: start)
        _ = session.receive(Login(username: "bert", password: "p"), at: start)
        _ = session.finishLogin(
            .accepted(user, asOf: 1), view: VisibleCameras(of: [try camera(1, "cam 1")], for: .all), quota: quota,
            time: 5,
            at: start)
        return session
    }

    private func sessions(_ count: Int, _ limits: ViewerLimits = ViewerLimits()) throws -> [ViewerSession] {
        let quota = UserQuota(limits: limits, at: start)
        return try (0..<count).map { _ in try session(limits, quota) }
    }

    @Test func `messages of all connections share a limit`() throws {
        var limits = ViewerLimits()
        limits.messageBurst = 10
        var sessions = try sessions(5, limits)
        for index in sessions.indices {
            for token: UInt64 in 0..<7 { _ = sessions[index].receive(Ping(token: token), at: start) }
        }
        // 20 are accepted: seven from each of the first two connections, and six from the third.
        #expect(sessions.map { $0.state == .closed } == [false, false, true, true, true])
        let later = sessions[0].receive(Ping(token: 9), at: start + .seconds(1))
        #expect(later.last != .close(.overload))
    }

    @Test func `watches of all connections share a limit`() throws {
        var limits = ViewerLimits()
        limits.userWatchBurst = 4
        var sessions = try sessions(2, limits)
        for _ in 0..<2 {
            for index in 0..<2 {
                let actions = sessions[index].receive(Watch(camera: 1, rendition: .jpeg, credit: 1), at: start)
                #expect(actions.last == .startFlow(FlowKey(camera: 1, rendition: .jpeg)))
            }
        }
        #expect(sessions[1].receive(Unwatch(camera: 1), at: start).last == .close(.overload))
        #expect(sessions[0].receive(Ping(token: 1), at: start).count == 1)
    }

    @Test func `bytes of all connections share a limit, and each read has a minimum cost`() throws {
        var limits = ViewerLimits()
        limits.userByteBurst = 10 * ViewerLimits.readCost
        var sessions = try sessions(2, limits)
        for index in 0..<10 { #expect(sessions[index % 2].countRead(of: 1, at: start).isEmpty) }
        #expect(sessions[0].countRead(of: 1, at: start).last == .close(.overload))
        #expect(sessions[1].countRead(of: 1 << 20, at: start + .seconds(60)).last == .close(.overload))
    }

    @Test func `replays of all connections share a limit, and end with their connection`() throws {
        var limits = ViewerLimits()
        limits.userReplays = 3
        var sessions = try sessions(2, limits)
        func play(_ index: Int, _ flow: UInt32) throws -> Bool {
            let replay = Replay(
                flow: Replay.flowBit | flow, credit: 1, interval: 0, from: 0, to: 1, volume: 1,
                camera: try Name("cam 1"))
            return sessions[index].receive(replay, at: start) == [.query(.replay(replay))]
        }
        #expect(try play(0, 1) && play(0, 2) && play(1, 1))
        #expect(try !play(1, 2))
        #expect(try play(1, 1), "a replay replaces an earlier one of its flow")
        _ = sessions[1].receive(CloseFlow(flow: Replay.flowBit | 1, reason: .done), at: start)
        #expect(try play(1, 2))
        _ = sessions[0].end(.done)
        #expect(try play(1, 3) && play(1, 4))
        #expect(try !play(1, 5))
    }

    @Test func `unanswered queries of all connections share a limit`() throws {
        var limits = ViewerLimits()
        limits.userQueries = 1
        var sessions = try sessions(2, limits)
        let search = Search(request: 1, kinds: .all, from: 0, to: 1)
        #expect(sessions[0].receive(search, at: start) == [.query(.search(search))])
        #expect(sessions[1].receive(search, at: start).errorCode == .tooMany)
        #expect(sessions[0].judge(.found(Found(request: 1, last: true, partial: false, volume: 0))) == .deliver)
        #expect(sessions[1].receive(search, at: start) == [.query(.search(search))])
        _ = sessions[1].close(.idle, "")
        #expect(sessions[0].receive(search, at: start) == [.query(.search(search))])
    }

    @Test func `a user's connections share one quota, and other users have their own`() throws {
        let limiter = ConnectionLimiter(limits: ViewerConnectionLimits())
        let tickets = try (0..<3).map { _ in try limiter.admit("a", at: start) {} }
        let first = try #require(limiter.recordLogin(tickets[0], user: "anna", at: start))
        #expect(limiter.recordLogin(tickets[1], user: "anna", at: start) === first)
        #expect(limiter.recordLogin(tickets[2], user: "bert", at: start) !== first)
        for ticket in tickets { limiter.release(ticket) }
        let next = try limiter.admit("a", at: start) {}
        #expect(limiter.recordLogin(next, user: "anna", at: start) !== first)
    }
}
