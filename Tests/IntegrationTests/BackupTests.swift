import Foundation
import SecamTestSupport
import Testing

/// `secam backup` and `secam restore`.
@Suite(.serialized) struct BackupTests {
    private let scratch = try! ScratchFolder()
    private static let password = "a backup's password"

    private func secam(
        _ arguments: [String], data: String = "data", password: String? = password, input: String? = nil
    ) async throws -> FinishedProgram {
        let variables = ["SECAM_DATA": scratch.file(data), "SECAM_BACKUP_PASSWORD": password].compactMapValues { $0 }
        return try await Programs.run("secam", arguments, in: scratch, environment: variables, input: input)
    }

    private func makeFolder() async throws {
        let added = try await secam(
            ["user", "add", "anna", "--role", "admin", "--password-stdin"], input: "anna's own\n")
        try #require(added.status == 0, "\(added.errors)")
        let made = try await secam(["init", "--registry", "tcp://127.0.0.1:7444"])
        try #require(made.status == 0, "\(made.errors)")
        try scratch.write("motion: off\n", to: "data/policy.yaml")
    }

    @Test func `a set restored elsewhere has the same users, certificate, keys and policy`() async throws {
        try await RunningSet.with { set in
            try await set.addUser("anna", password: "anna's own", ["--role", "admin"])
            // The services write to the folder meanwhile.
            let backup = try await Programs.run(
                "secam", ["backup", "set.backup"], in: set.scratch,
                environment: ["SECAM_DATA": set.data, "SECAM_BACKUP_PASSWORD": Self.password])
            #expect(backup.status == 0, "\(backup.errors)")
            #expect(set.scratch.mode("set.backup") == 0o600)
            let sealed = try set.scratch.data("set.backup")
            for secret in ["anna", "BEGIN CERTIFICATE", "role=", "SQLite format"] {
                #expect(sealed.range(of: Data(secret.utf8)) == nil, "\(secret) can be read in the backup")
            }
            try sealed.write(to: URL(fileURLWithPath: scratch.file("set.backup")))
            let restored = try await secam(["restore", "set.backup"])
            #expect(restored.status == 0, "\(restored.errors)")
            let again = try await RunningSet(scratch: scratch, password: set.password)
            defer { again.up.kill() }
            #expect(again.fingerprint == set.fingerprint)
            #expect(again.up.output.contains("password") == false, "no new user is created")
            #expect(try await again.cameras(user: "anna", password: "anna's own")["demo"] != nil)
            for file in ["keys/gateway.key", "keys/allowed"] {
                #expect(
                    try scratch.data("data/\(file)") == Data(contentsOf: URL(fileURLWithPath: "\(set.data)/\(file)")))
            }
        }
    }

    @Test func `a backup can be written to standard output and read from standard input`() async throws {
        try await makeFolder()
        try scratch.write(Self.password + "\nnot this line\n", to: "password")
        let backup = try await Programs.run(
            "/bin/sh", ["-c", "\(Programs.folder)/secam backup --password-file password - >set.backup"], in: scratch,
            environment: ["SECAM_DATA": scratch.file("data")])
        #expect(backup.status == 0, "\(backup.errors)")
        let restored = try await Programs.run(
            "/bin/sh", ["-c", "\(Programs.folder)/secam restore - <set.backup"], in: scratch,
            environment: ["SECAM_DATA": scratch.file("other"), "SECAM_BACKUP_PASSWORD": Self.password])
        #expect(restored.status == 0, "\(restored.errors)")
        #expect(scratch.text("other/policy.yaml") == "motion: off\n")
        #expect(scratch.mode("other/keys/gateway.key") == 0o600)
        let users = try await secam(["user", "list", "--json"], data: "other").json()
        #expect(users.values.map { $0["name"].text } == ["anna"])
    }

    @Test func `keys and users are replaced only with --replace`() async throws {
        try await makeFolder()
        #expect(try await secam(["backup", "set.backup"]).status == 0)
        let second = try await secam(["backup", "set.backup"])
        #expect(second.status == 73 && second.errors.contains("set.backup exists"), "\(second.errors)")
        let added = try await secam(["user", "add", "bert", "--password-stdin"], input: "bert's own\n")
        #expect(added.status == 0)
        let refused = try await secam(["restore", "set.backup"])
        #expect(refused.status == 73 && refused.errors.contains("--replace"), "\(refused.errors)")
        let replaced = try await secam(["restore", "--replace", "set.backup"])
        #expect(replaced.status == 0, "\(replaced.errors)")
        let users = try await secam(["user", "list", "--json"]).json()
        #expect(users.values.map { $0["name"].text } == ["anna"])
    }

    @Test func `a wrong password and a damaged file restore nothing`() async throws {
        try await makeFolder()
        #expect(try await secam(["backup", "set.backup"]).status == 0)
        let wrong = try await secam(["restore", "set.backup"], data: "other", password: "another password")
        #expect(wrong.status == 77 && wrong.errors.contains("wrong password"), "\(wrong.errors)")
        let sealed = try scratch.data("set.backup")
        var damaged = sealed
        damaged[damaged.count / 2] ^= 1
        try scratch.write(Array(damaged), to: "damaged.backup")
        let refused = try await secam(["restore", "damaged.backup"], data: "other")
        #expect(refused.status == 77 && refused.errors.contains("the file is damaged"), "\(refused.errors)")
        try scratch.write(Array(sealed.prefix(40)), to: "short.backup")
        let short = try await secam(["restore", "short.backup"], data: "other")
        #expect(short.status == 65 && short.errors.contains("is not a backup"), "\(short.errors)")
        #expect(!scratch.names.contains("other"))
    }

    @Test func `a folder in use by secam up is not replaced`() async throws {
        try await RunningSet.with { set in
            func secam(_ arguments: [String]) async throws -> FinishedProgram {
                try await Programs.run(
                    "secam", arguments, in: set.scratch,
                    environment: ["SECAM_DATA": set.data, "SECAM_BACKUP_PASSWORD": Self.password])
            }
            #expect(try await secam(["backup", "set.backup"]).status == 0)
            let refused = try await secam(["restore", "--replace", "set.backup"])
            #expect(
                refused.status == 69 && refused.errors.contains("in use by another 'secam up'"), "\(refused.errors)")
        }
    }
}
