import DequeModule

/// A queue whose keys take turns: a key with many or with expensive elements delays only its own.
///
/// An element that costs several turns makes its key wait that many, while other keys have elements.
///
/// Preferred elements come first, but every fourth turn belongs to the ordinary ones, so neither lane can starve the
/// other.
package struct FairQueue<Key: Hashable & Sendable, Element> {
    package enum Lane: Sendable {
        case preferred
        case ordinary
    }

    private struct Waiting {
        /// Keys with waiting elements, in the order of their turns.
        var turns: Deque<Key> = []
        var elements: [Key: Deque<(element: Element, cost: Int)>] = [:]
        var count = 0
        /// Turns that keys have yet to wait for elements that they had.
        private var debts: [Key: Int] = [:]

        mutating func append(_ element: Element, key: Key, cost: Int) {
            if elements[key] == nil { turns.append(key) }
            elements[key, default: []].append((element, cost))
            count += 1
        }

        /// Returns the number of elements in this lane and of one key. A copy of the lane would make the next change
        /// copy all its elements.
        func counts(of key: Key) -> (ofLane: Int, ofKey: Int) { (count, elements[key]?.count ?? 0) }

        /// Removes the key's oldest element without changing the turns.
        mutating func removeFirst(of key: Key) {
            guard elements[key]?.popFirst() != nil else { return }
            count -= 1
            guard elements[key]?.isEmpty == true else { return }
            elements[key] = nil
            turns.removeAll { $0 == key }
        }

        /// The key with the most elements.
        var longest: Key? { elements.max { $0.value.count < $1.value.count }?.key }

        mutating func popFirst() -> Element? {
            guard let key = nextKey(), var own = elements.removeValue(forKey: key) else { return nil }
            let first = own.removeFirst()
            count -= 1
            if first.cost > 1 { debts[key] = first.cost - 1 }
            if !own.isEmpty {
                elements[key] = own
                turns.append(key)
            }
            return first.element
        }

        /// Removes and returns the first key without a debt. Keys before it pay a turn.
        private mutating func nextKey() -> Key? {
            let others = turns.count > 1
            while !turns.isEmpty {
                let key = turns.removeFirst()
                guard others, let debt = debts[key] else {
                    debts[key] = nil
                    return key
                }
                debts[key] = debt > 1 ? debt - 1 : nil
                turns.append(key)
            }
            return nil
        }
    }

    /// Preferred turns between two ordinary ones.
    private static var preferredTurns: Int { 3 }

    private let laneLimit: Int
    private let keyLimit: Int
    private var preferred = Waiting()
    private var ordinary = Waiting()
    private var preferredInRow = 0

    /// - Parameters:
    ///   - laneLimit: maximum number of elements in each lane.
    ///   - keyLimit: maximum number of elements of one key in each lane.
    package init(laneLimit: Int = .max, keyLimit: Int = .max) {
        precondition(laneLimit >= 0 && keyLimit > 0, "FairQueue: limit out of range")
        self.laneLimit = laneLimit
        self.keyLimit = keyLimit
    }

    package var isEmpty: Bool { count == 0 }

    package var count: Int { preferred.count + ordinary.count }

    /// Adds an element.
    ///
    /// - Parameter cost: the number of turns that the element costs its key.
    /// - Returns: false when a limit is reached and the element was not added.
    package mutating func append(_ element: Element, key: Key, lane: Lane, cost: Int = 1) -> Bool {
        let (ofLane, ofKey) = lane == .preferred ? preferred.counts(of: key) : ordinary.counts(of: key)
        guard ofLane < laneLimit, ofKey < keyLimit else { return false }
        switch lane {
        case .preferred: preferred.append(element, key: key, cost: cost)
        case .ordinary: ordinary.append(element, key: key, cost: cost)
        }
        return true
    }

    /// Adds an ordinary element. When a limit is exceeded, the oldest element of this key is dropped, or the oldest of
    /// the key with the most elements if the whole lane is full.
    ///
    /// - Returns: the key whose element was dropped.
    package mutating func appendReplacing(_ element: Element, key: Key) -> Key? {
        ordinary.append(element, key: key, cost: 1)
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
