/// A queue whose keys take turns: a key that queues many elements makes only its own wait.
///
/// Preferred elements come first, except that every fourth turn belongs to the ordinary ones, so that neither lane can
/// starve the other.
package struct FairQueue<Key: Hashable & Sendable, Element> {
    package enum Lane: Sendable {
        case preferred
        case ordinary
    }

    private struct Waiting {
        /// Keys that have elements, in the order of their turns.
        var turns: [Key] = []
        var elements: [Key: [Element]] = [:]
        var count = 0

        mutating func append(_ element: Element, key: Key) {
            if elements[key] == nil { turns.append(key) }
            elements[key, default: []].append(element)
            count += 1
        }

        /// Of all elements, and of this key's. A copy of the lane to look at would make the next change copy it all.
        func counts(of key: Key) -> (ofLane: Int, ofKey: Int) { (count, elements[key]?.count ?? 0) }

        /// The key's oldest element; its turn stays as it is.
        mutating func removeFirst(of key: Key) {
            guard var own = elements[key] else { return }
            own.removeFirst()
            count -= 1
            elements[key] = own.isEmpty ? nil : own
            if own.isEmpty { turns.removeAll { $0 == key } }
        }

        /// The key with the most elements.
        var longest: Key? { elements.max { $0.value.count < $1.value.count }?.key }

        mutating func popFirst() -> Element? {
            guard !turns.isEmpty else { return nil }
            let key = turns.removeFirst()
            guard var own = elements.removeValue(forKey: key) else { return nil }
            let first = own.removeFirst()
            count -= 1
            if !own.isEmpty {
                elements[key] = own
                turns.append(key)
            }
            return first
        }
    }

    /// Turns of preferred elements between two of ordinary ones.
    private static var preferredTurns: Int { 3 }

    private let laneLimit: Int
    private let keyLimit: Int
    private var preferred = Waiting()
    private var ordinary = Waiting()
    private var preferredInRow = 0

    /// - Parameters:
    ///   - laneLimit: elements that may wait in each lane.
    ///   - keyLimit: elements of one key that may wait in each lane.
    package init(laneLimit: Int = .max, keyLimit: Int = .max) {
        precondition(laneLimit >= 0 && keyLimit > 0, "FairQueue: limit out of range")
        self.laneLimit = laneLimit
        self.keyLimit = keyLimit
    }

    package var isEmpty: Bool { count == 0 }

    package var count: Int { preferred.count + ordinary.count }

    /// - Returns: false when a limit is reached; then the element is not queued.
    package mutating func append(_ element: Element, key: Key, lane: Lane) -> Bool {
        let (ofLane, ofKey) = lane == .preferred ? preferred.counts(of: key) : ordinary.counts(of: key)
        guard ofLane < laneLimit, ofKey < keyLimit else { return false }
        switch lane {
        case .preferred: preferred.append(element, key: key)
        case .ordinary: ordinary.append(element, key: key)
        }
        return true
    }

    /// Queues an ordinary element in any case. When a limit is reached, the oldest element makes room: the key's own,
    /// or where all keys together have too many, that of the key with the most.
    ///
    /// - Returns: the key of which an element was given up.
    package mutating func appendReplacing(_ element: Element, key: Key) -> Key? {
        ordinary.append(element, key: key)
        let isOver = ordinary.elements[key]!.count > keyLimit
        guard let victim = isOver ? key : ordinary.count > laneLimit ? ordinary.longest : nil else { return nil }
        ordinary.removeFirst(of: victim)
        return victim
    }

    package mutating func removeAll() {
        preferred = Waiting()
        ordinary = Waiting()
    }

    package mutating func popFirst() -> Element? {
        if preferredInRow < Self.preferredTurns, let element = preferred.popFirst() {
            preferredInRow += 1
            return element
        }
        preferredInRow = 0
        return ordinary.popFirst() ?? preferred.popFirst()
    }
}
