import GRDB
import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamUsers

struct SessionStoreTests {
    private static let second: Int64 = 1_000_000
    private static let day = 86_400 * second

    private struct Fixture {
        let scratch: ScratchFolder
        let users: UserStore
        let store: SessionStore
        let anna: User

        init() throws {
            scratch = try ScratchFolder()
            users = try UserStore(path: scratch.file("users"))
            try users.add(Name("root"), password: "password", role: .admin)
            try users.add(Name("anna"), password: "password", role: .viewer)
            store = try SessionStore(users: users, logger: quiet)
            anna = try #require(try users.user(Name("anna")))
        }

        func create(at time: Int64 = 0) throws -> (token: [UInt8], id: String) {
            let created = try #require(
                try store.create(for: anna, asOf: users.changeCounter(), address: "::1", client: "test", at: time))
            return (created.token, created.access.session.id)
        }
    }

    @Test func `a session is found by its token, and the token is stored nowhere`() throws {
        let fixture = try Fixture()
        let (token, id) = try fixture.create()
        let access = try #require(fixture.store.use(token: token, at: 1))
        #expect(access.user.name.text == "anna" && access.session.id == id && access.session.client == "test")
        #expect(fixture.store.use(token: Array(token.reversed()), at: 1) == nil)
        #expect(fixture.store.use(token: [], at: 1) == nil)
        let rows = try fixture.users.read("read all") { db in try Row.fetchAll(db, sql: "SELECT * FROM session") }
        #expect(rows.count == 1)
        #expect(!rows[0].description.contains(Hexadecimal.encode(token)))
    }

    @Test func `sessions survive a restart`() throws {
        let fixture = try Fixture()
        let (token, id) = try fixture.create()
        let next = try SessionStore(users: fixture.users, logger: quiet)
        #expect(next.use(token: token, at: 1)?.session.id == id)
        #expect(next.sessions(of: fixture.anna.name, at: 1).map(\.id) == [id])
    }

    @Test func `a session ends after its idle limit, and after its absolute limit in spite of use`() throws {
        let fixture = try Fixture()
        let (token, _) = try fixture.create()
        let idle = UserSession.idleLimit.microseconds
        #expect(fixture.store.use(token: token, at: idle) != nil)
        #expect(fixture.store.use(token: token, at: 2 * idle) != nil)
        #expect(fixture.store.use(token: token, at: 3 * idle + 1) == nil)
        #expect(fixture.store.sessions(of: fixture.anna.name, at: 3 * idle + 1).isEmpty)

        let (other, _) = try fixture.create()
        let absolute = UserSession.absoluteLimit.microseconds
        for time in stride(from: 0, through: absolute, by: Int(Self.day)) {
            #expect(fixture.store.use(token: other, at: time) != nil)
        }
        #expect(fixture.store.use(token: other, at: absolute + 1) == nil)
    }

    @Test func `password, role, disabling and removal end a user's sessions`() throws {
        for change in 0..<4 {
            let fixture = try Fixture()
            let (token, id) = try fixture.create()
            switch change {
            case 0: try fixture.users.setPassword("other password", of: fixture.anna.name)
            case 1: try fixture.users.setRole(.admin, of: fixture.anna.name)
            case 2: try fixture.users.setDisabled(true, of: fixture.anna.name)
            default: try fixture.users.remove(fixture.anna.name)
            }
            try fixture.store.reload()
            #expect(fixture.store.use(token: token, at: 1) == nil)
            #expect(fixture.store.use(id: id, at: 1) == nil)
            #expect(fixture.store.sessions(of: fixture.anna.name, at: 1).isEmpty)
        }
    }

    @Test func `new rights keep the session`() throws {
        let fixture = try Fixture()
        let (token, _) = try fixture.create()
        try fixture.users.grant(.only([]), to: fixture.anna.name)
        try fixture.store.reload()
        #expect(fixture.store.use(token: token, at: 1)?.user.cameras == .only([]))
    }

    @Test func `a login whose credentials changed meanwhile gets no session`() throws {
        let fixture = try Fixture()
        try fixture.users.setPassword("other password", of: fixture.anna.name)
        let created = try fixture.store.create(for: fixture.anna, asOf: 0, address: "", client: "", at: 0)
        #expect(created == nil)
    }

    @Test func `only its own user ends a session, and a reload does not bring it back`() throws {
        let fixture = try Fixture()
        let (token, id) = try fixture.create()
        #expect(!fixture.store.end(id, of: try Name("root")))
        #expect(fixture.store.use(token: token, at: 1) != nil)
        #expect(fixture.store.end(id, of: fixture.anna.name))
        try fixture.store.reload()
        #expect(fixture.store.use(token: token, at: 1) == nil)
        #expect(!fixture.store.end(id, of: fixture.anna.name))
        fixture.store.flush()
        #expect(try fixture.users.sessions(of: fixture.anna.name).isEmpty)
    }

    @Test func `the command line ends one session or all`() throws {
        let fixture = try Fixture()
        let first = try fixture.create()
        let second = try fixture.create()
        try fixture.users.endSessions(of: fixture.anna.name, id: first.id)
        try fixture.store.reload()
        #expect(fixture.store.use(token: first.token, at: 1) == nil)
        #expect(fixture.store.use(token: second.token, at: 1) != nil)
        #expect(throws: UsersError.noSuchSession(id: first.id, user: fixture.anna.name)) {
            try fixture.users.endSessions(of: fixture.anna.name, id: first.id)
        }
        try fixture.users.endSessions(of: fixture.anna.name)
        try fixture.store.reload()
        #expect(fixture.store.use(token: second.token, at: 1) == nil)
    }

    @Test func `beyond the limit, the session that was used least recently ends`() throws {
        let fixture = try Fixture()
        var tokens: [[UInt8]] = []
        for time in 0..<Int64(UserSession.perUser) { tokens.append(try fixture.create(at: time).token) }
        #expect(fixture.store.use(token: tokens[0], at: 1000) != nil)
        _ = try fixture.create(at: 1001)
        #expect(fixture.store.use(token: tokens[0], at: 1002) != nil)
        #expect(fixture.store.use(token: tokens[1], at: 1002) == nil)
        #expect(try fixture.users.sessions(of: fixture.anna.name).count == UserSession.perUser)
    }

    @Test func `a backup holds no sessions`() throws {
        let fixture = try Fixture()
        _ = try fixture.create()
        try fixture.users.copy(to: fixture.scratch.file("copy"))
        let copy = try UserStore(path: fixture.scratch.file("copy"))
        #expect(try copy.sessions(of: fixture.anna.name).isEmpty)
        #expect(try copy.list().count == 2)
    }
}
