import Foundation
import Glibc

/// A complete set of services, started by `secam up` in a scratch folder.
package final class RunningSet: Sendable {
    /// A camera that is small and slow enough for builds without optimization.
    package static let camera = "demo=test:320x240@10"

    package let scratch: ScratchFolder
    package let up: ChildProgram
    package let address: String
    package let fingerprint: String
    /// The printed password of the user `admin`; `nil` when the folder was in use before.
    package let password: String?

    package struct Service: Sendable, Equatable {
        package let role: String
        package let name: String
        package let process: Int32
    }

    /// Starts a set and waits until it is ready.
    ///
    /// - Parameters:
    ///   - cameras: values of `--camera`.
    ///   - environment: variables for all services.
    ///   - arguments: further arguments of `secam up`.
    ///   - launcher: a command that executes `secam up`, whose path and arguments follow it.
    ///   - password: the admin's password, when the folder was in use before.
    package init(
        _ cameras: [String] = [RunningSet.camera], encoders: Int = 1, motion: Int = 0,
        record: String = "off", archives: Int? = nil, recordings: String? = nil, environment: [String: String] = [:],
        arguments: [String] = [], launcher: [String] = [], scratch: ScratchFolder, password known: String? = nil
    ) async throws {
        self.scratch = scratch
        let up = try RunningSet.start(
            cameras, encoders: encoders, motion: motion, record: record, archives: archives, recordings: recordings,
            environment: environment, arguments: arguments, launcher: launcher, scratch: scratch)
        self.up = up
        do {
            let ready = try await eventually("the ready file of secam up") {
                if let ending = up.ending { throw TestFailure("secam up ended (\(ending))") }
                return try? JSONValue(scratch.data("ready.json"))
            }
            guard let address = ready["address"].text, let fingerprint = ready["fingerprint"].text else {
                throw TestFailure("the ready file has no address or no fingerprint: \(ready)")
            }
            self.address = address
            self.fingerprint = fingerprint
            try await eventually("the output of secam up") { up.output.contains("Watch:") }
        } catch {
            up.kill()
            throw TestFailure("\(error); standard error of secam up: \(up.errors)")
        }
        password = RunningSet.password(in: up.output) ?? known
    }

    /// Starts `secam up` with settings for tests, without waiting.
    package static func start(
        _ cameras: [String], encoders: Int = 1, motion: Int = 0,
        record: String = "off", archives: Int? = nil, recordings: String? = nil, environment: [String: String] = [:],
        arguments: [String] = [], launcher: [String] = [], scratch: ScratchFolder
    ) throws -> ChildProgram {
        let command = launcher + ["\(Programs.folder)/secam"]
        return try Programs.start(
            command[0],
            Array(command.dropFirst()) + [
                "up", "--data", scratch.file("data"), "--host", "127.0.0.1", "--port", "0", "--ready-file",
                scratch.file("ready.json"), "--encoders", "\(encoders)",
                "--motion", "\(motion)", "--record", record, "--free-megabytes", "1", "--archives",
                "\(archives ?? (record == "off" ? 0 : 1))",
            ] + (recordings.map { ["--recordings", $0] } ?? [])
                + cameras.flatMap { ["--camera", $0] } + arguments,
            in: scratch, environment: environment)
    }

    /// Returns the password that `secam up` printed.
    package static func password(in output: String) -> String? {
        output.split(separator: "\n").first { $0.hasPrefix("  password ") }?
            .split(separator: " ").dropFirst().first.map(String.init)
    }

    /// Runs a set for the time of `body`, and ends all its processes afterwards.
    package static func with<Result>(
        _ cameras: [String] = [RunningSet.camera], encoders: Int = 1, motion: Int = 0,
        record: String = "off", archives: Int? = nil, environment: [String: String] = [:],
        _ body: (RunningSet) async throws -> Result
    ) async throws -> Result {
        let set = try await RunningSet(
            cameras, encoders: encoders, motion: motion, record: record, archives: archives, environment: environment,
            scratch: ScratchFolder())
        defer { set.up.kill() }
        do {
            return try await body(set)
        } catch {
            throw TestFailure("\(error)\nStandard error of the services:\n\(set.up.errors)")
        }
    }

    package var data: String { scratch.file("data") }

    /// Returns the running services, from the ready file.
    package func services() throws -> [Service] {
        try JSONValue(scratch.data("ready.json"))["services"].values.map { service in
            guard let role = service["role"].text, let name = service["name"].text, let process = service["pid"].integer
            else { throw TestFailure("invalid service in the ready file: \(service)") }
            return Service(role: role, name: name, process: Int32(process))
        }
    }

    package func processes(_ role: String) throws -> [Int32] {
        try services().filter { $0.role == role }.map(\.process)
    }

    // MARK: Commands

    /// Runs `secam` with the set's data folder.
    package func secam(_ arguments: [String], input: String? = nil) async throws -> FinishedProgram {
        try await Programs.run(
            "secam", arguments, in: scratch, environment: ["SECAM_DATA": data], input: input)
    }

    /// Returns the output of `secam status --json`.
    package func status() async throws -> JSONValue {
        let finished = try await secam(["status", "--json"])
        guard finished.status == 0 || finished.status == 1 else {
            throw TestFailure("secam status: \(finished.errors)")
        }
        return try finished.json()
    }

    /// Returns one service of `status`.
    package func status(_ role: String, _ name: String? = nil) async throws -> JSONValue {
        let services = try await status()["services"].values
        let found = services.first { $0["role"].text == role && (name == nil || $0["name"].text == name) }
        return found ?? .null
    }

    /// Returns the process of a service of this role that has a camera; `nil` while there is none.
    package func processWithCamera(_ role: String) async throws -> Int32? {
        try await status()["services"].values.first { $0["role"].text == role && $0["cameras_assigned"].integer == 1 }?[
            "pid"
        ].integer.map { Int32($0) }
    }

    package func addUser(_ name: String, password: String, _ arguments: [String] = []) async throws {
        let added = try await secam(["user", "add", name, "--password-stdin"] + arguments, input: password + "\n")
        guard added.status == 0 else { throw TestFailure("secam user add: \(added.errors)") }
    }

    // MARK: Viewers

    /// Starts `secam-view` with a command and its arguments, by default as the admin.
    package func startView(
        _ arguments: [String], user: String = "admin", password: String? = nil, trust: [String]? = nil
    ) throws -> ChildProgram {
        try Programs.start(
            "secam-view",
            arguments + ["--server", address, "--username", user] + (trust ?? ["--fingerprint", fingerprint]),
            in: scratch, environment: ["SECAM_PASSWORD": password ?? self.password ?? ""])
    }

    package func view(
        _ arguments: [String], user: String = "admin", password: String? = nil, trust: [String]? = nil
    ) async throws -> FinishedProgram {
        try await startView(arguments, user: user, password: password, trust: trust).finish()
    }

    /// Returns the list of cameras, by name.
    package func cameras(user: String = "admin", password: String? = nil) async throws -> [String: JSONValue] {
        let finished = try await view(["cameras", "--json"], user: user, password: password)
        guard finished.status == 0 else { throw TestFailure("secam-view cameras: \(finished.errors)") }
        let pairs = try finished.json()["cameras"].values.map { ($0["name"].text ?? "", $0) }
        return Dictionary(pairs) { first, _ in first }
    }

    /// Waits until a camera is in one of the given states.
    @discardableResult
    package func waitForCamera(_ name: String, _ states: String...) async throws -> JSONValue {
        try await eventually("camera \(name) \(states.joined(separator: " or "))") {
            let camera = try await cameras()[name]
            return states.contains(camera?["state"].text ?? "") ? camera : nil
        }
    }

    /// Waits until the gateway has sent this many more frames to viewers.
    package func waitForFrames(_ count: Int) async throws {
        let start = try await status("gateway")["frames_to_viewers"].integer ?? 0
        try await eventually("\(count) more frames to viewers") {
            let now = try await status("gateway")["frames_to_viewers"].integer ?? 0
            return now >= start + count
        }
    }

    /// Kills a service and waits until `secam up` has restarted it.
    ///
    /// - Returns: the new process.
    @discardableResult
    package func killService(_ role: String, _ name: String? = nil, signal: Int32 = SIGKILL) async throws -> Int32 {
        let found = try services().first { $0.role == role && (name == nil || $0.name == name) }
        guard let old = found else { throw TestFailure("no \(role) runs") }
        kill(old.process, signal)
        return try await eventually("another \(role)/\(old.name)") {
            let now = try services().first { $0.role == role && $0.name == old.name }
            return now.flatMap { $0.process != old.process ? $0.process : nil }
        }
    }
}
