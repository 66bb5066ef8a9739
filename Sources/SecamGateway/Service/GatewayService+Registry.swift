import Logging
import SecamBase
import SecamMesh
import SecamRegistry
import SecamWire

// The registry: members join and leave, the relay's ports open and close, and the data folder keeps what must outlive
// the gateway.
extension GatewayService {
    /// Messages received in one turn, so that other sockets of the loop get theirs.
    private static let messagesPerTurn = 64

    func receive() {
        for _ in 0..<GatewayService.messagesPerTurn {
            guard let received = socket?.receive() else { return }
            handle(received)
        }
    }

    private func handle(_ received: Received) {
        guard let peer = received.peer, let key = received.key else { return }
        do throws(WireError) {
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: GatewayService.messageLimit)
                if envelope.type == .statusRequest, registry.isOperator(key) {
                    _ = try StatusRequest.decode(bytes, envelope)
                    if registry.mayRequestStatus(key) { socket?.send(status(), to: peer) }
                } else {
                    apply(
                        try registry.receive(
                            bytes, from: peer, key: key, address: received.address, time: WallClock.now, now: .now))
                }
            }
        } catch {
            reject("\(error)", from: "key \(key)")
        }
    }

    func apply(_ actions: [Registry.Action]) {
        var hasChanged = false
        var lost: [PeerID] = []
        for action in actions {
            switch action {
            case .send(let message, let peer):
                if socket?.send(MeshMessage(message), to: peer) == .unreachable { lost.append(peer) }
            case .changed: hasChanged = true
            case .joined(let member):
                logger.info("service joined", metadata: ["service": "\(member.role)/\(member.name)"])
            case .left(let member, let reason):
                logger.warning(
                    "service left",
                    metadata: ["service": "\(member.role)/\(member.name)", "reason": "\(reason)"])
            case .rejected(let key, let reason):
                reject(reason, from: "key \(key)")
            }
        }
        // After the loop: otherwise the roster without the lost peers would overtake the one that is being sent.
        for peer in lost { apply(registry.lost(peer, now: .now)) }
        if hasChanged {
            updateRelay()
            updateCameras()
            updateArchives()
        }
    }

    func recordRefusedConnection(_ key: PublicKey?, _ address: String) {
        messagesRejected += 1
        logger.warning(
            "connection refused",
            metadata: ["reason": "key not admitted", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    func logClosedConnection(_ reason: String, _ key: PublicKey?, _ address: String) {
        logger.warning(
            "connection closed",
            metadata: ["reason": "\(reason)", "key": "\(key?.description ?? "none")", "address": "\(address)"])
    }

    // MARK: Relay

    /// Opens and closes the relay's ports as members that can only dial out come and go.
    private func updateRelay() {
        relay.update(networks: registry.networks)
        let present = Set(
            registry.relayed.map { RelayedService(role: $0.role, name: $0.name, incarnation: $0.incarnation) })
        for service in relayed.subtracting(present) { relay.close(service) }
        let new = present.subtracting(relayed)
        relayed = present
        for service in new {
            Task {
                do {
                    let port = try await relay.open(service) { [loop] ticket in
                        loop.post {
                            self.assumeIsolated {
                                $0.apply($0.registry.call(service.name, service.role, ticket: ticket))
                            }
                        }
                    }
                    announce(service, at: port)
                } catch {
                    logger.error(
                        "relay port not opened",
                        metadata: ["service": "\(service.role)/\(service.name)", "reason": "\(error)"])
                }
            }
        }
    }

    private func announce(_ service: RelayedService, at port: UInt16) {
        guard relayed.contains(service) else { return relay.close(service) }
        apply(registry.setRelayPort(port, for: service.name, service.role, incarnation: service.incarnation, now: .now))
    }

    // MARK: Key list

    func reloadKeyList() {
        let version = folder.keyListVersion
        guard version != keyListVersion else { return }
        keyListVersion = version
        do {
            keyList = try folder.keyList()
            apply(registry.update(keyList, now: .now))
            directory.forgetGone { !keyList.admitsCamera($0) }
            updateCameras()
            apply(proxy.release(notOn: keyList))
            socket?.closeConnections { !registry.isAdmitted($0) }
        } catch {
            logger.error("key list invalid, previous list stays in force", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Known members and cameras

    /// Stores the number of members, for the next start. Does nothing while members may still be reconnecting.
    func storeMembers() {
        let present = registry.memberCount
        guard present != storedMembers, !registry.isSettling(.now) else { return }
        storedMembers = present
        do {
            try SecretFile.write(present.text, to: folder.members)
        } catch {
            logger.warning("members not stored", metadata: ["file": "\(folder.members)", "reason": "\(error)"])
        }
    }

    /// Shows cameras that have not reconnected in time as offline.
    func recallCameras() {
        guard let awaited = awaitedCameras, !registry.isSettling(.now) else { return }
        awaitedCameras = nil
        directory.recall(awaited.filter(keyList.admitsCamera), time: started)
        updateCameras()
    }

    func storeCameras() {
        let present = KnownCameras(directory.names)
        guard present != storedCameras, awaitedCameras == nil else { return }
        storedCameras = present
        do {
            try present.write(to: folder)
        } catch {
            logger.warning("cameras not stored", metadata: ["file": "\(folder.cameras)", "reason": "\(error)"])
        }
    }
}
