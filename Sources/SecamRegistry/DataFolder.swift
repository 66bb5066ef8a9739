import Glibc
package import SecamBase
package import SecamMesh
package import SecamWire

/// The folder with the persistent files of the gateway and its operator.
///
///     keys/gateway.key       the registry's secret key
///     keys/allowed           the key list (see `KeyList`)
///     keys/lock              locked while a program changes the keys
///     keys/volumes           the archives that own the volumes of recordings
///     keys/ROLE-NAME.join    a join file for each service that runs beside the gateway
///     members                the number of members of the last run (see `MemberCount`)
///     cameras                the cameras that have joined (see `KnownCameras`)
///     lock                   locked by a running `secam up`
///     tls/                   the self-signed certificate
///     users.sqlite           the user accounts
///     audit.log              every login and change of an account
///     audit-refusals.log     every refused login
///     gateway.ready          the address of the gateway of `secam up`
///     share/                 the sockets by which the services of `secam up` share raw pictures
///     policy.yaml            the operator's settings for cameras and hooks; optional
///     policy.last-good.yaml  the last valid policy; empty if there was none
package struct DataFolder: Sendable, Equatable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var keys: String { "\(path)/keys" }
    package var gatewayKey: String { "\(keys)/gateway.key" }
    package var allowed: String { "\(keys)/allowed" }
    package var volumes: String { "\(keys)/volumes" }
    /// The members of the previous run (see `MemberCount`).
    package var members: String { "\(path)/members" }
    /// The cameras that have joined (see `KnownCameras`).
    package var cameras: String { "\(path)/cameras" }
    package var tls: String { "\(path)/tls" }
    package var users: String { "\(path)/users.sqlite" }
    package var auditLog: String { "\(path)/audit.log" }
    package var refusalLog: String { "\(path)/audit-refusals.log" }
    package var policy: String { "\(path)/policy.yaml" }
    package var lastGoodPolicy: String { "\(path)/policy.last-good.yaml" }
    package var readyFile: String { "\(path)/gateway.ready" }
    package var share: String { "\(path)/share" }

    package func joinFile(_ role: Role, _ name: String) -> String {
        "\(keys)/\(role)-\(name.filter { $0 != "*" }).join"
    }

    /// True even without read permission; opening a file reports that error.
    package var exists: Bool {
        unsafe access(keys, F_OK) == 0 || errno != ENOENT || access(users, F_OK) == 0
    }

    /// Creates missing folders.
    package func make() throws(SecretFile.Failure) {
        try SecretFile.makeFolder(keys)
        try SecretFile.makeFolder(tls)
    }

    /// Copies missing files from a seed folder.
    ///
    /// - Parameters:
    ///   - seed: a folder with the files but without subfolders, as an orchestrator mounts secrets.
    ///   - others: further files of this folder to copy.
    package func copyMissingFiles(from seed: String, and others: [String]) throws(SecretFile.Failure) {
        for file in [gatewayKey, allowed, joinFile(.operator, "operator"), users] + others
        where unsafe access(file, F_OK) != 0 {
            let source = "\(seed)/\(file.split(separator: "/").last ?? "")"
            guard unsafe access(source, F_OK) == 0 else { continue }
            try SecretFile.write(try SecretFile.readBytes(source), to: file)
        }
    }

    /// Returns the registry's keys, created if missing.
    package func gatewayKeys() throws -> KeyPair { try exclusively { try $0.readOrMakeGatewayKeys() } }

    private func readOrMakeGatewayKeys() throws -> KeyPair {
        if let text = try SecretFile.readIfThere(gatewayKey) {
            return try KeyPair(secretHexadecimal: String(text.filter { !$0.isWhitespace }), what: gatewayKey)
        }
        let keys = try KeyPair()
        try SecretFile.write(keys.secretHexadecimal + "\n", to: gatewayKey)
        return keys
    }

    /// Returns the key list; empty without a file.
    package func keyList() throws -> KeyList {
        guard let text = try SecretFile.readIfThere(allowed) else { return KeyList() }
        return try KeyList(parsing: text, path: allowed)
    }

    /// A version of a file, which changes with its content, permissions and path.
    package struct FileVersion: Sendable, Equatable {
        /// Its number and size, and the times of its last changes of content and permissions, seconds and nanoseconds
        /// each.
        private let values: [Int64]

        /// - Parameter path: the file, which may be missing; links are followed.
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

    /// Changes with each change of the key list.
    package var keyListVersion: FileVersion { FileVersion(of: allowed) }

    /// Changes with each change of the policy.
    package var policyVersion: FileVersion { FileVersion(of: policy) }

    /// Creates the join file of a service and its key, if missing.
    ///
    /// - Parameters:
    ///   - pattern: the service's name, or with `*` at its end a name for several processes.
    ///   - registry: the address for a new file.
    ///   - path: the file's path; `nil` for the folder of keys.
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
            guard isOurs, try keyList().admits(identity.keys.publicKey, role: role) else {
                let reason = isOurs ? "its key was revoked" : "it is of another gateway"
                throw MeshError.file(path: file, reason: "\(reason); remove the file to create a new one")
            }
            return
        }
        try SecretFile.write(try admit(role, pattern: pattern, registry: registry), to: file)
    }

    /// Admits a new key.
    ///
    /// - Returns: the text of its join file.
    /// - Throws: also for an invalid pattern, which would make the list unreadable.
    package func invite(_ role: Role, pattern: String, registry: String) throws -> String {
        try exclusively { try $0.admit(role, pattern: pattern, registry: registry) }
    }

    /// Admits a camera on another machine, with encoders dedicated to it.
    ///
    /// - Parameter relay: the gateway's address for viewers, for a camera that cannot accept connections.
    /// - Returns: the text of their common join file.
    package func inviteCamera(_ name: Name, registry: String, relay: String? = nil) throws -> String {
        try exclusively { folder in
            let camera = try folder.admitted(.capture, pattern: name.text, registry: registry, relay: relay)
            let encoders = try folder.admitted(
                .encode, pattern: "\(name)\(DedicatedEncoders.separator)*", registry: registry)
            return camera.text + encoders.service
        }
    }

    private func admit(_ role: Role, pattern: String, registry: String) throws -> String {
        try admitted(role, pattern: pattern, registry: registry).text
    }

    private func admitted(
        _ role: Role, pattern: String, registry: String, relay: String? = nil
    ) throws -> Identity {
        guard KeyList.isUsable(pattern: pattern), role != .capture || !pattern.contains("*") else {
            throw MeshError.badName(pattern)
        }
        let keys = try KeyPair()
        let identity = Identity(
            registry: registry, registryKey: try readOrMakeGatewayKeys().publicKey, relay: relay, role: role,
            pattern: pattern,
            keys: keys)
        var list = try keyList()
        list.add(KeyList.Entry(key: keys.publicKey, role: role, pattern: pattern))
        try SecretFile.write(list.text, to: allowed)
        return identity
    }

    /// Revokes all keys of a service, and those of a camera's dedicated encoders. A running gateway notices within a
    /// second.
    ///
    /// - Parameters:
    ///   - role: only this role; `nil` for all roles.
    ///   - pattern: the service's name as in the list.
    /// - Returns: the number of revoked keys.
    package func revoke(role: Role?, pattern: String) throws -> Int {
        try exclusively { folder in
            var list = try folder.keyList()
            let count =
                list.remove(role: role, pattern: pattern)
                + list.remove(role: .encode, pattern: "\(pattern)\(DedicatedEncoders.separator)*")
            if count > 0 { try SecretFile.write(list.text, to: folder.allowed) }
            return count
        }
    }

    /// Locks the keys against other processes, which could otherwise overwrite a key added at the same time.
    private func exclusively<Result>(_ body: (DataFolder) throws -> Result) throws -> Result {
        let lock = try FileLock("\(keys)/lock")
        let result = try body(self)
        _ = consume lock
        return result
    }

    /// Replaces the registry's address in an existing join file.
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
