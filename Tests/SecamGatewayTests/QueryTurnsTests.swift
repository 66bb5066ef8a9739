import SecamTestSupport
import Testing

@testable import SecamGateway

@Suite struct QueryTurnsTests {
    /// Returns all queries that may be sent now.
    private func sendable(_ turns: inout QueryTurns, at time: Int64) -> [UInt32] {
        var numbers: [UInt32] = []
        while let number = turns.next(now: at(time)) { numbers.append(number) }
        return numbers
    }

    @Test func `a user has one query under way, and another user does not wait for it`() {
        var turns = QueryTurns()
        for number: UInt32 in 1...4 { turns.add(number, of: "anna") }
        #expect(sendable(&turns, at: 0) == [1])
        turns.add(5, of: "bert")
        #expect(sendable(&turns, at: 1) == [5])
        turns.recordAnswer(5)
        #expect(sendable(&turns, at: 2) == [])
        turns.recordAnswer(1)
        #expect(sendable(&turns, at: 3) == [2])
    }

    @Test func `an archive works on two queries at most, and users take turns`() {
        var turns = QueryTurns()
        for (number, user) in [(1, "anna"), (2, "anna"), (3, "bert"), (4, "bert"), (5, "carla")] {
            turns.add(UInt32(number), of: user)
        }
        #expect(sendable(&turns, at: 0) == [1, 3])
        turns.recordAnswer(1)
        #expect(sendable(&turns, at: 1) == [5], "carla had no turn yet")
        turns.recordAnswer(3)
        #expect(sendable(&turns, at: 2) == [2], "anna's last turn was before bert's")
        turns.recordAnswer(2)
        turns.recordAnswer(5)
        #expect(sendable(&turns, at: 3) == [4])
    }

    @Test func `a query without an answer gives up its place after some time`() {
        var turns = QueryTurns()
        for number: UInt32 in 1...2 { turns.add(number, of: "anna") }
        #expect(sendable(&turns, at: 0) == [1])
        #expect(sendable(&turns, at: 9999) == [])
        #expect(sendable(&turns, at: 10_000) == [2])
    }

    @Test func `a removed query is not sent`() {
        var turns = QueryTurns()
        for number: UInt32 in 1...2 { turns.add(number, of: "anna") }
        turns.removeWaiting(1)
        #expect(sendable(&turns, at: 0) == [2])
    }
}
