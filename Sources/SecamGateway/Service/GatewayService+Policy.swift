import Logging
import SecamBase
import SecamHooks
import SecamMesh
import SecamPolicy
import SecamRegistry
import SecamWire

// The policy file, and the conditions that are reported to hooks and the log.
extension GatewayService {
    /// Time between two attempts to read an unreadable policy file.
    private static let policyRetryInterval = Duration.seconds(1)

    /// Reads the policy file again when it has changed.
    func reloadPolicy() {
        guard !isReadingPolicy else { return }
        let version = folder.policyVersion
        let isRetryDue =
            policyProblem?.isUnreadable == true
            && MonotonicTime.now - lastPolicyRead >= GatewayService.policyRetryInterval
        guard version != policyVersion || isRetryDue else { return }
        // A policy of a thousand cameras takes longer to parse than the registry's messages may wait. Without a free
        // thread, the next tick tries again.
        let isStarted = DedicatedThread.startIfPossible { [loop, policyStore] in
            let result = Result { () throws(PolicyError) in try policyStore.read() }
            loop.post { self.assumeIsolated { $0.apply(result) } }
        }
        guard isStarted else { return }
        policyVersion = version
        isReadingPolicy = true
        lastPolicyRead = .now
    }

    private func apply(_ result: Result<PolicyFile, PolicyError>) {
        isReadingPolicy = false
        switch result {
        case .success(let file):
            guard file != policy.file || policyProblem != nil else { return }
            policyProblem = nil
            policy.file = file
            hooks.update(file.hooks)
            apply(registry.update(policy, now: .now))
            logger.info("policy loaded", metadata: ["file": "\(folder.policy)"])
        case .failure(let error):
            guard error != policyProblem else { return }
            policyProblem = error
            logger.error("policy invalid, previous policy stays in force", metadata: ["reason": "\(error)"])
        }
    }

    /// Reports conditions that began or ended to hooks and the log.
    func checkConditions() {
        let now = registry.recordings(now: .now)
        if now != recordings {
            recordings = now
            updateCameras()
        }
        var present = Set(registry.archivesLowOnDisk.map { ConditionWatch.Subject(condition: .diskLow, name: $0) })
        for camera in directory.cameras {
            if camera.state == .offline { present.insert(.init(condition: .cameraOffline, name: camera.name)) }
            if camera.recording == .stopped { present.insert(.init(condition: .recordingStopped, name: camera.name)) }
        }
        for change in conditions.update(present, now: .now) {
            let (condition, name) = (change.subject.condition, change.subject.name)
            hooks.dispatch(HookEvent(condition, of: name, isOver: change.isOver, time: WallClock.now))
            let metadata: Logger.Metadata = ["condition": "\(condition)", "name": "\(name)"]
            if change.isOver {
                logger.notice("condition ended", metadata: metadata)
            } else {
                logger.warning("condition began", metadata: metadata)
            }
        }
    }
}
