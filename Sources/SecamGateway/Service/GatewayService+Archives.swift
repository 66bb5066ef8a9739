import Logging
import SecamBase
import SecamMesh
import SecamRegistry
import SecamWire

// The connections to the archives. `ArchiveProxy` decides what is sent over them.
extension GatewayService {
    nonisolated func query(_ request: ArchiveRequest, from viewer: ArchiveClient) {
        loop.post { self.assumeIsolated { $0.apply($0.proxy.handle(request, from: viewer, now: .now)) } }
    }

    /// Connects to archives that joined and disconnects from those that left.
    func updateArchives() {
        let present = Set(registry.archives)
        guard present != Set(archives.keys) else { return }
        for (member, socket) in archives where !present.contains(member) {
            loop.unwatch(socket)
            archives[member] = nil
        }
        for member in present where archives[member] == nil {
            guard let key = PublicKey(bytes: member.key) else { continue }
            do throws(MeshError) {
                let socket = try MeshSocket.connect(
                    context, endpoint: Relay.resolve(member.endpoint, registry: relayAddress), serverKey: key,
                    keys: keys, messageLimit: WireLimits.frameMessage)
                archives[member] = socket
                loop.watch(socket, onReadable: callback { $0.receive(from: member) })
            } catch {
                logger.error("archive unreachable", metadata: ["archive": "\(member.name)", "reason": "\(error)"])
            }
        }
        let names = archives.keys.compactMap { member in
            PublicKey(bytes: member.key).flatMap { keyList.pattern(for: $0, role: .archive, name: member.name) }
                .map { (member, $0) }
        }
        apply(proxy.update(Dictionary(uniqueKeysWithValues: names), now: .now))
    }

    /// Receives an archive's messages for a limited time, because live frames wait meanwhile.
    private func receive(from archive: Roster.Member) {
        let end = MonotonicTime.now + .milliseconds(2)
        while MonotonicTime.now < end {
            guard let received = archives[archive]?.receive() else { return }
            do throws(WireError) {
                apply(
                    try received.message.withBytes { (bytes) throws(WireError) in
                        let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                        return try proxy.receive(envelope, bytes, from: archive, now: .now)
                    })
            } catch {
                reject("\(error)", from: "archive \(archive.name)")
            }
        }
    }

    func apply(_ actions: [ArchiveProxy.Action]) {
        for action in actions {
            switch action {
            case .send(let message, let archive): archives[archive]?.send(MeshMessage(message))
            case .answer(let answer, let viewer): viewer.answer(answer)
            case .store(let owners): store(owners)
            case .identified(let archive): apply(registry.confirm(archive, now: .now))
            case .rejected(let archive, let reason): reject(reason, from: "archive \(archive.name)")
            }
        }
    }

    private func store(_ owners: VolumeOwners) {
        do {
            try SecretFile.write(owners.text, to: folder.volumes)
        } catch {
            logger.error("volume owners not stored", metadata: ["file": "\(folder.volumes)", "reason": "\(error)"])
        }
    }
}
