import GRDB
import Glibc
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamUsers

struct UserStoreTests {
    private let scratch: ScratchFolder
    private let path: String

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.file("users.sqlite")
    }

    @Test func `a user is stored with role and rights, in a private file`() throws {
        let store = try UserStore(path: path)
        let rights = CameraRights.only([try name("door"), try name("yard")])
        #expect(try store.add(name("anna"), password: "correct horse", role: .admin) == nil)
        #expect(try store.add(name("bert"), password: "short", role: .viewer, cameras: rights) == .short(bytes: 5))

        let users = try UserStore(path: path).list()
        #expect(users.map(\.name.text) == ["anna", "bert"])
        #expect(users.map(\.role) == [.admin, .viewer])
        #expect(users.map(\.cameras) == [.all, rights])
        for file in scratch.names { #expect(scratch.mode(file) == 0o600, "\(file)") }
    }

    @Test func `the permissions of an existing file are restricted`() throws {
        _ = try UserStore(path: path)
        #expect(unsafe chmod(path, 0o644) == 0)
        _ = try UserStore(path: path)
        #expect(scratch.mode("users.sqlite") == 0o600)
    }

    @Test func `a user has role, cameras and state as they were set`() throws {
        let store = try UserStore(path: path)
        let door = try name("door")
        try store.add(name("anna"), password: "12345678", role: .admin, cameras: .only([]))
        try store.add(name("bert"), password: "12345678", role: .viewer, cameras: .only([door]))
        try store.add(name("carl"), password: "12345678", role: .viewer)
        try store.setDisabled(true, of: name("carl"))
        let anna = try #require(try store.user(name("anna")))
        #expect(anna.role == .admin && anna.cameras == .only([]) && !anna.disabled)
        let bert = try #require(try store.user(name("bert")))
        #expect(bert.role == .viewer && bert.cameras == .only([door]) && !bert.disabled)
        let carl = try #require(try store.user(name("carl")))
        #expect(carl.cameras == .all && carl.disabled)
    }

    @Test func `the last admin can be neither removed nor demoted nor disabled`() throws {
        let store = try UserStore(path: path)
        let anna = try name("anna")
        let bert = try name("bert")
        try store.add(anna, password: "12345678", role: .admin)
        try store.add(bert, password: "12345678", role: .admin)
        try store.setDisabled(true, of: bert)
        #expect(throws: UsersError.lastAdmin(anna)) { try store.remove(anna) }
        #expect(throws: UsersError.lastAdmin(anna)) { try store.setRole(.viewer, of: anna) }
        #expect(throws: UsersError.lastAdmin(anna)) { try store.setDisabled(true, of: anna) }
        try store.setDisabled(false, of: bert)
        try store.remove(anna)
        #expect(try store.list().map(\.name) == [bert])
    }

    @Test func `a name that exists or is unknown is an error`() throws {
        let store = try UserStore(path: path)
        let anna = try name("anna")
        let nobody = try name("nobody")
        try store.add(anna, password: "12345678", role: .viewer)
        #expect(throws: UsersError.userExists(anna)) { try store.add(anna, password: "x", role: .admin) }
        #expect(throws: UsersError.noSuchUser(nobody)) { try store.remove(nobody) }
        #expect(throws: UsersError.noSuchUser(nobody)) { try store.setPassword("x", of: nobody) }
        #expect(throws: UsersError.noSuchUser(nobody)) { try store.grant(.all, to: nobody) }
        #expect(throws: UsersError.noSuchUser(nobody)) { try store.setRole(.admin, of: nobody) }
    }

    @Test func `a name that looks like SQL is only data`() throws {
        let store = try UserStore(path: path)
        let hostile = try name("x'); DROP TABLE user; --")
        try store.add(hostile, password: "12345678", role: .viewer, cameras: .only([hostile]))
        #expect(try store.user(hostile)?.cameras == .only([hostile]))
        try store.remove(hostile)
        #expect(try store.list().isEmpty)
    }

    @Test func `changes of another process change the counter, and new credentials the revision`() throws {
        let gateway = try UserStore(path: path)
        let command = try UserStore(path: path)
        let anna = try name("anna")
        var counters = [try gateway.changeCounter()]
        var revisions: [Int64] = []
        func record() throws {
            counters.append(try gateway.changeCounter())
            revisions.append(try #require(try gateway.user(anna)).credentialRevision)
        }
        try command.add(anna, password: "12345678", role: .viewer)
        try record()
        try command.grant(.only([]), to: anna)
        try record()
        try command.setPassword("abcdefgh", of: anna)
        try record()
        try command.setRole(.admin, of: anna)
        try record()
        try command.setRole(.admin, of: anna)
        try record()
        try command.add(name("bert"), password: "12345678", role: .admin)
        try command.remove(anna)
        try command.add(anna, password: "12345678", role: .viewer)
        try record()
        #expect(Set(counters).count == counters.count)
        #expect(revisions[0] == revisions[1], "rights alone do not end sessions")
        #expect(revisions[1] < revisions[2])
        #expect(revisions[2] < revisions[3])
        #expect(revisions[3] == revisions[4], "setting the same role changes nothing")
        #expect(revisions[4] < revisions[5], "a user added again is a new account")
    }

    @Test func `many connections can open the accounts and write at the same time`() async throws {
        let path = path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 {
                group.addTask {
                    let store = try UserStore(path: path)
                    try store.add(Name("user \(index)"), password: "12345678", role: .viewer)
                }
            }
            try await group.waitForAll()
        }
        #expect(try UserStore(path: path).list().count == 6)
    }

    @Test func `a file of a newer version is refused`() throws {
        _ = try UserStore(path: path)
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 later')") }
        #expect(throws: UsersError.newerVersion(path: path)) { try UserStore(path: path) }
    }

    @Test func `an error names the file that is no database or cannot be created`() throws {
        let stream = unsafe fopen(path, "w")
        unsafe fputs(String(repeating: "no database ", count: 1000), stream)
        unsafe fclose(stream)
        #expect {
            try UserStore(path: path)
        } throws: { error in
            "\(error)".contains(path) && "\(error)".contains("not a database")
        }
        #expect {
            try UserStore(path: "/nowhere/users.sqlite")
        } throws: { error in
            "\(error)" == "cannot create /nowhere/users.sqlite.lock: No such file or directory"
        }
    }

    @Test func `an invalid row is an error`() throws {
        let store = try UserStore(path: path)
        try store.add(name("anna"), password: "12345678", role: .admin)
        try DatabaseQueue(path: path).write { try $0.execute(sql: "UPDATE user SET role = 77") }
        #expect(throws: UsersError.malformedAccount(path: path, name: "anna", field: "role")) { try store.list() }
    }

    @Test func `passwords have 1 to 1024 bytes`() throws {
        let store = try UserStore(path: path)
        let anna = try name("anna")
        #expect(throws: UsersError.emptyPassword) { try store.add(anna, password: "", role: .admin) }
        #expect(throws: UsersError.passwordTooLong(bytes: 1026)) {
            try store.add(anna, password: String(repeating: "ä", count: 513), role: .admin)
        }
        #expect(try PasswordRules.check(String(repeating: "ä", count: 512)) == nil)
        #expect(try PasswordRules.check("1234567") == .short(bytes: 7))
    }
}
