package import Logging
package import SecamPolicy
import SecamWire
import Synchronization

/// The hooks of a policy. Each event goes to the queues of the hooks whose rules it matches.
package final class Hooks: Sendable {
    private let queues = Mutex<[HookQueue]>([])
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Replaces the rules. Hooks whose rule stays keep their queues.
    package func update(_ rules: [HookRule]) {
        let gone = queues.withLock { queues in
            let old = queues
            queues = rules.map { rule in old.first { $0.rule == rule } ?? HookQueue(rule, logger: logger) }
            return old.filter { queue in !queues.contains { $0 === queue } }
        }
        for queue in gone { queue.stop() }
    }

    /// Queues an event for all hooks that it matches. Returns at once.
    package func dispatch(_ event: HookEvent) {
        for queue in queues.withLock({ $0 }) where queue.rule.matches(event) { queue.add(event) }
    }

    /// Drops the waiting events and cancels the running hooks.
    package func stop() { update([]) }
}

extension HookRule {
    func matches(_ event: HookEvent) -> Bool {
        let isWanted =
            switch event.subject {
            case .event(let event): states.contains(event.state)
            case .condition(let condition, _, _): conditions.contains(condition)
            }
        return isWanted && (cameras.isEmpty || event.camera.map(cameras.contains) ?? true)
    }
}
