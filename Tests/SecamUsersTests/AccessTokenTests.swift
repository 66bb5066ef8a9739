import SecamBase
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamUsers

struct AccessTokenTests {
    private struct Fixture {
        let scratch: ScratchFolder
        let users: UserStore
        let store: SessionStore
        let anna: Name

        init() throws {
            scratch = try ScratchFolder()
            users = try UserStore(path: scratch.file("users"))
            anna = try Name("anna")
            try users.add(Name("root"), password: "password", role: .admin)
            try users.add(anna, password: "password", role: .viewer, cameras: .only([Name("door"), Name("yard")]))
            store = try SessionStore(users: users, logger: quiet)
        }

        func add(
            _ scopes: TokenScopes = .all, cameras: CameraRights = .all, expires: Int64? = nil, of user: Name? = nil
        ) throws -> (text: String, entry: AccessToken) {
            let token = try users.addToken(
                of: user ?? anna, label: "test", scopes: scopes, cameras: cameras, expires: expires, at: 0)
            try store.reload()
            return token
        }
    }

    @Test func `a token is found by its text, which is stored nowhere`() throws {
        let fixture = try Fixture()
        let (text, entry) = try fixture.add([.live, .events])
        let access = try #require(fixture.store.use(accessToken: text, at: 1))
        #expect(access.user.name.text == "anna" && access.token.scopes == [.live, .events])
        #expect(fixture.store.use(accessToken: text + "0", at: 1) == nil)
        #expect(fixture.store.use(accessToken: String(text.dropFirst(6)), at: 1) == nil)
        let stored = try fixture.users.tokens(of: fixture.anna)
        #expect(stored.map(\.id) == [entry.id] && !stored[0].tokenHash.contains(text.dropFirst(6)))
    }

    @Test func `a token has the cameras that both it and its user may see, and never an admin's rights`() throws {
        let fixture = try Fixture()
        let all = try fixture.add()
        let one = try fixture.add(cameras: .only([Name("yard"), Name("hall")]))
        let admin = try fixture.add(cameras: .only([Name("hall")]), of: Name("root"))
        func cameras(_ text: String) -> CameraRights? { fixture.store.use(accessToken: text, at: 1)?.user.cameras }
        #expect(cameras(all.text) == .only([try Name("door"), try Name("yard")]))
        #expect(cameras(one.text) == .only([try Name("yard")]))
        #expect(cameras(admin.text) == .only([try Name("hall")]))
        #expect(fixture.store.use(accessToken: admin.text, at: 1)?.user.role == .viewer)
        try fixture.users.grant(.only([Name("door")]), to: fixture.anna)
        try fixture.store.reload()
        #expect(cameras(one.text) == .only([]))
    }

    @Test func `a token ends at its expiry, with its removal, and with its user`() throws {
        let fixture = try Fixture()
        let brief = try fixture.add(expires: 10)
        #expect(fixture.store.use(accessToken: brief.text, at: 9) != nil)
        #expect(fixture.store.use(accessToken: brief.text, at: 10) == nil)
        let removed = try fixture.add()
        try fixture.users.removeToken(removed.entry.id, of: fixture.anna)
        #expect(throws: UsersError.noSuchToken(id: removed.entry.id, user: fixture.anna)) {
            try fixture.users.removeToken(removed.entry.id, of: fixture.anna)
        }
        let kept = try fixture.add()
        #expect(fixture.store.use(accessToken: removed.text, at: 1) == nil)
        try fixture.users.setPassword("other password", of: fixture.anna)
        try fixture.store.reload()
        #expect(fixture.store.use(accessToken: kept.text, at: 1) != nil)
        try fixture.users.setDisabled(true, of: fixture.anna)
        try fixture.store.reload()
        #expect(fixture.store.use(accessToken: kept.text, at: 1) == nil)
    }

    @Test func `the last use is stored`() throws {
        let fixture = try Fixture()
        let (text, _) = try fixture.add()
        _ = fixture.store.use(accessToken: text, at: 77)
        fixture.store.flush()
        #expect(try fixture.users.tokens(of: fixture.anna).map(\.lastUsed) == [77])
    }

    @Test func `a user has a limited number of tokens, and a backup none`() throws {
        let fixture = try Fixture()
        for _ in 0..<AccessToken.perUser { _ = try fixture.add() }
        #expect(throws: UsersError.tooManyTokens(fixture.anna)) { try fixture.add() }
        try fixture.users.copy(to: fixture.scratch.file("copy"))
        #expect(try UserStore(path: fixture.scratch.file("copy")).tokens(of: fixture.anna).isEmpty)
    }
}
