import Glibc
package import SecamBase
package import SecamMesh
package import SecamWire

/// The folder in which the gateway and its operator keep what must outlive a process.
///
///     keys/gateway.key       the registry's secret key
///     keys/allowed           who may join (see `Allowlist`)
///     keys/volumes           which archive owns which volume of recordings
///     keys/ROLE-NAME.join    a join file for each service that runs beside the gateway
///     tls/                   the self-signed certificate
///     users.sqlite           the users
///     audit.log              every login and change of an account
///     audit-refusals.log     every refused login
///     gateway.ready          where the gateway of `secam up` listens
///     policy.yaml            what the operator wants of cameras and hooks; may be missing
///     policy.last-good.yaml  the last policy that was accepted; empty when there was none
package struct DataFolder: Sendable, Equatable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var keys: String { "\(path)/keys" }
    package var gatewayKey: String { "\(keys)/gateway.key" }
    package var allowed: String { "\(keys)/allowed" }
    package var volumes: String { "\(keys)/volumes" }
    /// Who had joined (see `MemberCount`).
    package var members: String { "\(path)/members" }
    /// Which cameras have joined (see `KnownCameras`).
    package var cameras: String { "\(path)/cameras" }
    package var tls: String { "\(path)/tls" }
    package var users: String { "\(path)/users.sqlite" }
    package var auditLog: String { "\(path)/audit.log" }
    package var refusalLog: String { "\(path)/audit-refusals.log" }
    package var policy: String { "\(path)/policy.yaml" }
    package var lastGoodPolicy: String { "\(path)/policy.last-good.yaml" }
    package var readyFile: String { "\(path)/gateway.ready" }

    package func joinFile(_ role: Role, _ name: String) -> String {
        "\(keys)/\(role)-\(name.filter { $0 != "*" }).join"
    }

    /// Also when we may not look into it, of which the reason is told by whoever opens a file there.
    package var exists: Bool {
        unsafe access(keys, F_OK) == 0 || errno != ENOENT || access(users, F_OK) == 0
    }

    /// Makes the folders where they are missing.
    package func make() throws(SecretFile.Failure) {
        try SecretFile.makeFolder(keys)
        try SecretFile.makeFolder(tls)
    }

    /// Begins with what another data folder holds: copies the files that outlive a process and are not there yet.
    ///
    /// - Parameters:
    ///   - seed: a folder with these files, without subfolders, as an orchestrator gives secrets.
    ///   - others: further files of this folder.
    package func begin(with seed: String, and others: [String]) throws(SecretFile.Failure) {
        for file in [gatewayKey, allowed, joinFile(.operator, "operator"), users] + others
        where unsafe access(file, F_OK) != 0 {
            let source = "\(seed)/\(file.split(separator: "/").last ?? "")"
            guard unsafe access(source, F_OK) == 0 else { continue }
            try SecretFile.write(try SecretFile.readBytes(source), to: file)
        }
    }

    /// The registry's keys, made when there are none.
    package func gatewayKeys() throws -> KeyPair { try exclusively { try $0.readOrMakeGatewayKeys() } }

    private func readOrMakeGatewayKeys() throws -> KeyPair {
        if let text = try SecretFile.readIfThere(gatewayKey) {
            return try KeyPair(secretHexadecimal: String(text.filter { !$0.isWhitespace }), what: gatewayKey)
        }
        let keys = try KeyPair()
        try SecretFile.write(keys.secretHexadecimal + "\n", to: gatewayKey)
        return keys
    }

    /// The list of admitted keys; empty when there is none yet.
    package func allowlist() throws -> Allowlist {
        guard let text = try SecretFile.readIfThere(allowed) else { return Allowlist() }
        return try Allowlist(parsing: text, path: allowed)
    }

    /// A state of a file: changes with its content, its permissions and its place.
    package struct FileVersion: Sendable, Equatable {
        /// Its number and size, and when its content and its permissions changed, seconds and nanoseconds each.
        private let values: [Int64]

        /// - Parameter path: of a file, which may be missing; links are followed.
        package init(of path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else {
                values = []
                return
            }
            values = [
                Int64(bitPattern: UInt64(status.st_ino)), Int64(status.st_size), Int64(status.st_mtim.tv_sec),
                Int64(status.st_mtim.tv_nsec), Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
            ]
        }
    }

    /// Changes with each change of the list of admitted keys.
    package var allowlistVersion: FileVersion { FileVersion(of: allowed) }

    /// Changes with each change of the policy.
    package var policyVersion: FileVersion { FileVersion(of: policy) }

    /// The join file of a service, made together with its key when there is none.
    ///
    /// - Parameters:
    ///   - pattern: the service's name; with `*` at its end one that many processes share.
    ///   - registry: the address to write into a new file.
    ///   - path: where the file is to be; `nil` for among the keys.
    /// - Returns: the file's path.
    /// - Throws: also when the file's key was revoked.
    package func ensureJoinFile(
        _ role: Role, pattern: String, registry: String, at path: String? = nil
    ) throws -> String {
        let file = path ?? joinFile(role, pattern)
        try exclusively { try $0.readOrMakeJoinFile(role, pattern: pattern, registry: registry, at: file) }
        return file
    }

    private func readOrMakeJoinFile(_ role: Role, pattern: String, registry: String, at file: String) throws {
        if let text = try SecretFile.readIfThere(file) {
            let identity = try Identity(parsing: text, path: file)
            let isOurs = try identity.registryKey == readOrMakeGatewayKeys().publicKey
            guard isOurs, try allowlist().admits(identity.keys.publicKey, role: role) else {
                let reason = isOurs ? "its key was revoked" : "it is of another gateway"
                throw MeshError.file(path: file, reason: "\(reason); remove the file to have a new one made")
            }
            return
        }
        try SecretFile.write(try admit(role, pattern: pattern, registry: registry), to: file)
    }

    /// Admits a new key.
    ///
    /// - Returns: the text of the join file that goes with it.
    /// - Throws: also when the pattern is no name, since the list could not be read any more.
    package func invite(_ role: Role, pattern: String, registry: String) throws -> String {
        try exclusively { try $0.admit(role, pattern: pattern, registry: registry) }
    }

    /// Admits a camera on a machine of its own, together with encoders that work for it alone.
    ///
    /// - Parameter relay: the gateway's address for viewers, where nobody can connect to the camera.
    /// - Returns: the text of the join file for both.
    package func inviteCamera(_ name: Name, registry: String, relay: String? = nil) throws -> String {
        try exclusively { folder in
            let camera = try folder.admitted(.capture, pattern: name.text, registry: registry, relay: relay)
            let encoders = try folder.admitted(
                .encode, pattern: "\(name)\(DedicatedEncoders.sign)*", registry: registry)
            return camera.text + encoders.service
        }
    }

    private func admit(_ role: Role, pattern: String, registry: String) throws -> String {
        try admitted(role, pattern: pattern, registry: registry).text
    }

    private func admitted(
        _ role: Role, pattern: String, registry: String, relay: String? = nil
    ) throws -> Identity {
        guard Allowlist.isUsable(pattern: pattern), role != .capture || !pattern.contains("*") else {
            throw MeshError.badName(pattern)
        }
        let keys = try KeyPair()
        let identity = Identity(
            registry: registry, registryKey: try readOrMakeGatewayKeys().publicKey, relay: relay, role: role,
            pattern: pattern,
            keys: keys)
        var list = try allowlist()
        list.add(Allowlist.Entry(key: keys.publicKey, role: role, pattern: pattern))
        try SecretFile.write(list.text, to: allowed)
        return identity
    }

    /// Takes back all keys of a service, a camera's together with those of its own encoders; a running gateway notices
    /// within a second.
    ///
    /// - Parameters:
    ///   - role: only in this role; `nil` for every one.
    ///   - pattern: the service's name as it stands in the list.
    /// - Returns: how many keys there were.
    package func revoke(role: Role?, pattern: String) throws -> Int {
        try exclusively { folder in
            var list = try folder.allowlist()
            let count =
                list.remove(role: role, pattern: pattern)
                + list.remove(role: .encode, pattern: "\(pattern)\(DedicatedEncoders.sign)*")
            if count > 0 { try SecretFile.write(list.text, to: folder.allowed) }
            return count
        }
    }

    /// Keeps other processes from changing the keys meanwhile: of two that add one at once, one would be lost.
    private func exclusively<Result>(_ body: (DataFolder) throws -> Result) throws -> Result {
        let turn = try FileLock("\(keys)/lock")
        let result = try body(self)
        _ = consume turn
        return result
    }

    /// Writes another address into a join file that is there.
    ///
    /// - Parameter path: as in `ensureJoinFile`.
    package func setRegistry(_ registry: String, role: Role, pattern: String, at path: String? = nil) throws {
        let file = path ?? joinFile(role, pattern)
        guard try Identity.read(file, registry: nil, role: role).registry != registry else { return }
        var identities = try Identity.all(parsing: try SecretFile.read(file), path: file)
        for index in identities.indices { identities[index].registry = registry }
        let others = identities.dropFirst().map(\.service).joined()
        try SecretFile.write(identities[0].text + others, to: file)
    }
}
