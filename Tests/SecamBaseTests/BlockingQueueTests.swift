import Glibc
import SecamBase
import SecamTestSupport
import Synchronization
import Testing

let processNumber = getpid()

@Suite struct BlockingQueueTests {
    private func text(_ popped: BlockingQueue<Int>.Popped) -> String {
        switch popped {
        case .element(let element): "\(element)"
        case .timedOut: "timed out"
        case .closed: "closed"
        }
    }

    @Test func `elements of one key do not delay those of another`() {
        let queue = BlockingQueue<Int>()
        for number in 0..<100 { queue.push(number, for: "much") }
        for number in 1000..<1003 { queue.push(number, for: "little") }
        #expect(queue.count == 103)
        var popped: [Int] = []
        while case .element(let number) = queue.pop(timeout: .zero) { popped.append(number) }
        #expect(popped.prefix(6) == [0, 1000, 1, 1001, 2, 1002])
        #expect(popped.filter { $0 < 1000 } == Array(0..<100), "in each producer's order")
        #expect(queue.count == 0)
    }

    @Test func `an expensive element costs its key turns`() {
        let queue = BlockingQueue<Int>()
        for number in 0..<3 { queue.push(number, for: "expensive", cost: 4) }
        for number in 1000..<1008 { queue.push(number, for: "cheap") }
        var popped: [Int] = []
        while case .element(let number) = queue.pop(timeout: .zero) { popped.append(number) }
        #expect(popped == [0, 1000, 1001, 1002, 1003, 1, 1004, 1005, 1006, 1007, 2])
    }

    @Test func `an expensive element does not delay its key while no other key waits`() {
        let queue = BlockingQueue<Int>()
        for number in 0..<3 { queue.push(number, for: "expensive", cost: 1000) }
        #expect((0..<3).map { _ in text(queue.pop(timeout: .zero)) } == ["0", "1", "2"])
    }

    @Test func `elements are popped in order`() {
        let queue = BlockingQueue<Int>()
        for number in 1...3 { queue.push(number) }
        #expect(queue.count == 3)
        #expect((1...3).map { _ in text(queue.pop()) } == ["1", "2", "3"])
        #expect(queue.count == 0)
    }

    @Test func `a pop with a timeout of zero does not wait`() {
        let queue = BlockingQueue<Int>()
        #expect(text(queue.pop(timeout: .zero)) == "timed out")
        queue.push(1)
        #expect(text(queue.pop(timeout: .zero)) == "1")
    }

    @Test func `a pop does not time out early`() {
        let queue = BlockingQueue<Int>()
        let start = MonotonicTime.now
        #expect(text(queue.pop(timeout: .milliseconds(30))) == "timed out")
        #expect(MonotonicTime.now - start >= .milliseconds(30))
    }

    @Test func `a closed queue returns its elements and then reports that it is closed`() {
        let queue = BlockingQueue<Int>()
        queue.push(1)
        queue.close()
        queue.push(2)
        #expect(text(queue.pop()) == "1")
        #expect(text(queue.pop()) == "closed")
        #expect(text(queue.pop(timeout: .milliseconds(1))) == "closed")
    }

    @Test func `closing wakes all waiting threads`() async throws {
        let queue = BlockingQueue<Int>()
        let counter = Counter()
        for _ in 0..<4 {
            DedicatedThread.start {
                while case .element = queue.pop() {}
                counter.add(1)
            }
        }
        queue.push(1)
        queue.close()
        #expect(try await waitUntil { counter.value == 4 })
    }

    @Test func `threads pop each element once and in its producer's order`() async throws {
        let queue = BlockingQueue<Int>()
        let results = Collected()
        for _ in 0..<4 {
            DedicatedThread.start {
                var mine: [Int] = []
                while case .element(let element) = queue.pop() { mine.append(element) }
                results.add(mine)
            }
        }
        let producers = Counter()
        for producer in 0..<4 {
            DedicatedThread.start {
                for number in 0..<5000 { queue.push(producer * 10_000 + number) }
                producers.add(1)
            }
        }
        #expect(try await waitUntil { producers.value == 4 })
        queue.close()
        #expect(try await waitUntil { results.lists.count == 4 })
        let lists = results.lists
        var expected: [Int] = []
        for producer in 0..<4 { expected += (0..<5000).map { (number: Int) -> Int in producer * 10_000 + number } }
        let taken: [Int] = lists.flatMap { $0 }.sorted()
        #expect(taken == expected)
        for list in lists {
            for producer in 0..<4 {
                let ofOne = list.filter { $0 / 10_000 == producer }
                #expect(ofOne == ofOne.sorted())
            }
        }
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ number: Int) { count.withLock { $0 += number } }
}

private final class Collected: Sendable {
    private let all = Mutex<[[Int]]>([])
    var lists: [[Int]] { all.withLock { $0 } }
    func add(_ list: [Int]) { all.withLock { $0.append(list) } }
}
