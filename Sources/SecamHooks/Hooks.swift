package import Logging
package import SecamPolicy
import SecamWire
import Synchronization

/// All hooks: hands each occasion to those that it concerns, and waits for none of them.
package final class Hooks: Sendable {
    private let queues = Mutex<[HookQueue]>([])
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Goes by other rules from now on. What waits for a rule that stays goes on waiting.
    package func update(_ rules: [HookRule]) {
        let gone = queues.withLock { queues in
            let old = queues
            queues = rules.map { rule in old.first { $0.rule == rule } ?? HookQueue(rule, logger: logger) }
            return old.filter { queue in !queues.contains { $0 === queue } }
        }
        for queue in gone { queue.stop() }
    }

    package func tell(_ occasion: HookOccasion) {
        for queue in queues.withLock({ $0 }) where queue.rule.concerns(occasion) { queue.add(occasion) }
    }

    /// Gives up what waits, and ends what runs.
    package func stop() { update([]) }
}

extension HookRule {
    func concerns(_ occasion: HookOccasion) -> Bool {
        let isWanted =
            switch occasion.subject {
            case .event(let event): states.contains(event.state)
            case .condition(let condition, _, _): conditions.contains(condition)
            }
        return isWanted && (cameras.isEmpty || occasion.camera.map(cameras.contains) ?? true)
    }
}
