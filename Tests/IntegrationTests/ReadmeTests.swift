import Foundation
import Glibc
import SecamTestSupport
import Testing

/// The commands in README, run unchanged except for devices, addresses, ports and times.
@Suite(.serialized) struct ReadmeTests {
    private let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    /// Lines of README's `sh` blocks that run programs of this package, without comments and `&`.
    private static let commands: [[String]] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../README.md")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        var isInside = false
        var found: [[String]] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                isInside = line == "```sh"
                continue
            }
            guard isInside else { continue }
            let command = line.prefix { $0 != "#" }
            let words = command.split(separator: " ").map(String.init).filter { $0 != "&" }
            guard let program = words.first?.split(separator: "/").last, program.hasPrefix("secam") else { continue }
            found.append([String(program)] + words.dropFirst())
        }
        return found
    }()

    private static func commands(_ beginning: String...) -> [[String]] {
        commands.filter { $0.starts(with: beginning) }
    }

    /// Returns a time as a user would type it.
    private func time(secondsAgo seconds: Double) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return formatter.string(from: Date(timeIntervalSinceNow: -seconds))
    }

    @Test func `every command in README is run by a test`() {
        let known = [
            ["secam-view", "live"], ["secam-view", "snapshot"], ["secam-view", "events"], ["secam-view", "recordings"],
            ["secam-view", "play"], ["secam-view", "export"], ["secam-view", "protect"], ["secam", "up"],
            ["secam", "keys", "invite"], ["secam", "user", "add"], ["secam", "user", "token", "add"], ["secam-capture"],
            ["secam-encode"],
        ]
        for command in Self.commands {
            #expect(known.contains { command.starts(with: $0) }, "\(command.joined(separator: " "))")
        }
        for beginning in known { #expect(Self.commands.contains { $0.starts(with: beginning) }, "\(beginning)") }
    }

    @Test func `secam up starts with each command in README`() async throws {
        for command in Self.commands("secam", "up") where command.count > 2 && !command.contains("--listen") {
            var arguments = Array(command.dropFirst(2))
            for index in arguments.indices where arguments[index].contains("=") {
                arguments[index] = arguments[index].prefix { $0 != "=" } + "=test:160x120@5"
            }
            let folder = try ScratchFolder()
            let up = try RunningSet.start([], arguments: arguments, scratch: folder)
            defer { up.kill() }
            try await eventually("\(command) is up") {
                if let ending = up.ending { throw TestFailure("\(command) ended (\(ending)): \(up.errors)") }
                return up.output.contains("Watch:")
            }
            up.send(SIGTERM)
            #expect(try await up.finish().status == 0)
        }
    }

    @Test func `a camera on another machine can be watched, recorded and replayed by README's commands`() async throws {
        let listen = try #require(Self.commands("secam", "up").first { $0.contains("--listen") })
        #expect(listen.count == 4)
        let registry = "tcp://127.0.0.1:\(try Programs.freePort())"
        let set = try await RunningSet(
            ["yard=test:160x120@5"], record: "continuous",
            arguments: ["--listen", registry], scratch: scratch)
        defer { set.up.kill() }
        let folder = scratch.file("elsewhere")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)

        for command in Self.commands("secam", "keys") {
            let invited = try await Programs.run(
                "secam", Array(command.dropFirst()) + ["--data", scratch.file("data"), "--registry", registry],
                in: scratch, folder: folder)
            #expect(invited.status == 0, "\(command): \(invited.errors)")
        }
        var services: [ChildProgram] = []
        defer { for service in services { service.kill() } }
        for command in Self.commands("secam-capture") + Self.commands("secam-encode") {
            let arguments = command.dropFirst().map { $0.hasPrefix("v4l2:") ? "test:160x120@5" : $0 }
            services.append(try Programs.start(command[0], arguments, in: scratch, folder: folder))
        }
        _ = try await set.waitForCamera("porch", "online")
        for command in Self.commands("secam", "user", "add") {
            let added = try await set.secam(
                Array(command.dropFirst()) + ["--password-stdin"], input: "anna's password\n")
            #expect(added.status == 0, "\(command): \(added.errors)")
        }
        for command in Self.commands("secam", "user", "token") {
            let added = try await set.secam(Array(command.dropFirst()))
            #expect(added.status == 0, "\(command): \(added.errors)")
        }

        let viewer = [
            "SECAM_SERVER": set.address, "SECAM_USERNAME": "admin", "SECAM_PASSWORD": set.password ?? "",
            "SDL_VIDEODRIVER": "dummy",
        ]
        try await eventually("seconds of the camera are recorded") {
            let export = try await Programs.run(
                "secam-view",
                ["export", "porch", "--from", time(secondsAgo: 6), "--to", time(secondsAgo: 4), "-o", "x.mkv"],
                in: scratch, environment: viewer, folder: folder)
            unsafe unlink("\(folder)/x.mkv")
            return export.status == 0
        }
        let start = time(secondsAgo: 5)
        let end = time(secondsAgo: 4)
        for command in Self.commands("secam-view") {
            var arguments = Array(command.dropFirst())
            for index in arguments.indices.dropFirst() where arguments[index].contains(":") {
                switch arguments[index - 1] {
                case "--at", "--from": arguments[index] = start
                case "--to": arguments[index] = end
                default: arguments[index] = set.address
                }
            }
            if let index = arguments.firstIndex(of: "demo") { arguments[index] = "porch" }
            if arguments[0] == "live" { arguments += ["--headless", "--frames", "3"] }
            let program = try Programs.start(
                "secam-view", arguments, in: scratch, environment: viewer, folder: folder)
            defer { program.kill() }
            if arguments[0] == "play" {
                try await eventually("the player is connected") {
                    if let ending = program.ending { throw TestFailure("play ended (\(ending)): \(program.errors)") }
                    return try await set.status("gateway")["viewers"].integer == 1
                }
                // The window stays open until the user closes it.
                program.kill()
                continue
            }
            let finished = try await program.finish()
            #expect(finished.status == 0, "\(command): \(finished.errors)")
        }
        for file in ["porch.mkv", "porch.jpg", "clip.mkv"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")
            #expect((attributes[.size] as? Int ?? 0) > 1000, "\(file)")
        }
    }
}
