import NIOCore
import SecamUsers
import SecamWire
import Testing

@testable import SecamGateway

/// What one user's connections may ask for together.
struct UserQuotaTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func session(_ limits: ViewerLimits, _ share: UserQuota) throws -> ViewerSession {
        let user = User(name: try Name("bert"), role: .admin, cameras: .all, disabled: false, credentialRevision: 3)
        var session = ViewerSession(limits: limits, software: "gateway", at: start)
        _ = session.receive(Hello(software: "v"), at: start)
        _ = session.receive(Login(username: "bert", password: "p"), at: start)
        _ = session.finishLogin(
            .accepted(user, asOf: 1), view: VisibleCameras(of: [try camera(1, "cam 1")], for: .all), share: share,
            time: 5,
            at: start)
        return session
    }

    private func sessions(_ count: Int, _ limits: ViewerLimits = ViewerLimits()) throws -> [ViewerSession] {
        let share = UserQuota(limits: limits, at: start)
        return try (0..<count).map { _ in try session(limits, share) }
    }

    @Test func `messages count over all connections`() throws {
        var limits = ViewerLimits()
        limits.messageBurst = 10
        var sessions = try sessions(5, limits)
        for index in sessions.indices {
            for token: UInt64 in 0..<7 { _ = sessions[index].receive(Ping(token: token), at: start) }
        }
        // 20 are taken: seven of each of the first two, and six of the third.
        #expect(sessions.map { $0.state == .closed } == [false, false, true, true, true])
        let later = sessions[0].receive(Ping(token: 9), at: start + .seconds(1))
        #expect(later.last != .close(.overload))
    }

    @Test func `watches count over all connections`() throws {
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

    @Test func `bytes count over all connections, and a read of one byte for more`() throws {
        var limits = ViewerLimits()
        limits.userByteBurst = 10 * ViewerLimits.readCost
        var sessions = try sessions(2, limits)
        for index in 0..<10 { #expect(sessions[index % 2].countRead(of: 1, at: start).isEmpty) }
        #expect(sessions[0].countRead(of: 1, at: start).last == .close(.overload))
        #expect(sessions[1].countRead(of: 1 << 20, at: start + .seconds(60)).last == .close(.overload))
    }

    @Test func `replays count over all connections, and end with them`() throws {
        var limits = ViewerLimits()
        limits.userReplays = 3
        var sessions = try sessions(2, limits)
        func play(_ index: Int, _ flow: UInt32) throws -> Bool {
            let replay = Replay(
                flow: Replay.flowBit | flow, credit: 1, interval: 0, from: 0, to: 1, volume: 1,
                camera: try Name("cam 1"))
            return sessions[index].receive(replay, at: start) == [.look(.replay(replay))]
        }
        #expect(try play(0, 1) && play(0, 2) && play(1, 1))
        #expect(try !play(1, 2))
        #expect(try play(1, 1), "in place of an earlier one")
        _ = sessions[1].receive(CloseFlow(flow: Replay.flowBit | 1, reason: .done), at: start)
        #expect(try play(1, 2))
        _ = sessions[0].end(.done)
        #expect(try play(1, 3) && play(1, 4))
        #expect(try !play(1, 5))
    }

    @Test func `questions without an answer count over all connections`() throws {
        var limits = ViewerLimits()
        limits.userQuestions = 1
        var sessions = try sessions(2, limits)
        let search = Search(request: 1, kinds: .all, from: 0, to: 1)
        #expect(sessions[0].receive(search, at: start) == [.look(.search(search))])
        #expect(sessions[1].receive(search, at: start).errorCode == .tooMany)
        #expect(sessions[0].judge(.found(Found(request: 1, last: true, partial: false, volume: 0))) == .handOut)
        #expect(sessions[1].receive(search, at: start) == [.look(.search(search))])
        _ = sessions[1].close(.idle, "")
        #expect(sessions[0].receive(search, at: start) == [.look(.search(search))])
    }

    @Test func `connections of a user share, those of another one do not, and all are counted`() throws {
        let limiter = ConnectionLimiter(limits: ViewerConnectionLimits())
        let tickets = try (0..<3).map { _ in try limiter.admit("a", at: start) {} }
        let first = try #require(limiter.loggedIn(tickets[0], user: "anna", at: start))
        #expect(limiter.loggedIn(tickets[1], user: "anna", at: start) === first)
        #expect(limiter.loggedIn(tickets[2], user: "bert", at: start) !== first)
        for ticket in tickets { limiter.release(ticket) }
        let next = try limiter.admit("a", at: start) {}
        #expect(limiter.loggedIn(next, user: "anna", at: start) !== first)
    }
}
