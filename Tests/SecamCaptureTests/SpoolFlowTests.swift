import SecamBase
import SecamMesh
import SecamWire
import Testing

@testable import SecamCapture

@Suite struct SpoolFlowTests {
    private let consumer = PeerID(number: 1)

    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(microseconds: 1_000_000_000 + milliseconds * 1000)
    }

    /// Returns a frame of a camera with ten frames per second.
    private func frame(_ sequence: UInt64) -> SpooledFrame {
        let header = Frame(
            flow: 0, rendition: .jpeg, format: .jpeg, incarnation: 9, sequence: sequence,
            timestamp: Int64(sequence) * 100_000, width: 64, height: 48)
        return SpooledFrame(header.encoded(payload: 1) + [7])!
    }

    private func open(_ flow: UInt32 = 4, credit: UInt32 = 100) -> OpenFlow {
        OpenFlow(
            flow: flow, content: .spooled, policy: .every, start: .acknowledged, credit: credit, group: "archive")
    }

    private func told(_ actions: [SpoolFlow.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .rewind(let number): "rewind \(number)"
            case .read: "read"
            case .acknowledge(let id): "acknowledge \(id.sequence)"
            case .send(let frame, _, _): "frame \(frame.sequence) on \(frame.flow)"
            case .close(let close, _): "close \(close.flow) \(close.reason)"
            }
        }
    }

    @Test func `spooled frames are sent slower than they were captured`() {
        var flow = SpoolFlow()
        var now: Int64 = 0
        #expect(told(flow.open(open(), from: consumer, now: at(now))) == ["rewind 1", "read"])
        var sent: [(sequence: UInt64, at: Int64)] = []
        var next: UInt64 = 1
        var isAsked = true
        while sent.count < 50, now < 60_000 {
            var actions: [SpoolFlow.Action] = []
            if isAsked {
                isAsked = false
                actions += flow.handleRead(frame(next), rewind: 1, isEmpty: false, now: at(now))
                next += 1
            }
            actions += flow.credit(1, now: at(now))
            for action in actions {
                if case .send(let frame, _, _) = action { sent.append((frame.sequence, now)) }
                if case .read = action { isAsked = true }
            }
            now += 5
        }
        #expect(sent.map(\.sequence) == Array(1...50))
        let captured: Int64 = 49 * 100
        #expect(sent[49].at - sent[0].at > captured, "slower than the capture")
        #expect(sent[49].at - sent[0].at < 2 * captured, "but less than twice as slow")
    }

    @Test func `without credit no frame is sent and no timer is needed`() {
        var flow = SpoolFlow()
        _ = flow.open(open(credit: 1), from: consumer, now: at(0))
        #expect(told(flow.handleRead(frame(1), rewind: 1, isEmpty: false, now: at(0))) == ["frame 1 on 4", "read"])
        #expect(told(flow.handleRead(frame(2), rewind: 1, isEmpty: false, now: at(1))) == [])
        #expect(told(flow.tick(now: at(500))) == [])
        #expect(!flow.isWaiting)
        #expect(told(flow.credit(1, now: at(501))) == ["frame 2 on 4", "read"])
    }

    @Test func `the flow ends when all frames are acknowledged`() {
        var flow = SpoolFlow()
        _ = flow.open(open(), from: consumer, now: at(0))
        _ = flow.handleRead(frame(1), rewind: 1, isEmpty: false, now: at(0))
        #expect(told(flow.handleRead(nil, rewind: 1, isEmpty: false, now: at(1))) == [])
        let acknowledge = Acknowledge(flow: 4, incarnation: 9, sequence: 1)
        #expect(told(flow.acknowledge(acknowledge, now: at(2))) == ["acknowledge 1", "read"])
        #expect(told(flow.handleRead(nil, rewind: 1, isEmpty: true, now: at(3))) == ["close 4 done"])
        #expect(!flow.knows(consumer))
    }

    @Test func `another archive takes over after the last acknowledged frame`() {
        var flow = SpoolFlow()
        let other = PeerID(number: 2)
        _ = flow.open(open(), from: consumer, now: at(0))
        #expect(told(flow.open(open(7), from: other, now: at(1))) == ["close 4 done"])
        #expect(
            told(flow.handleRead(frame(1), rewind: 1, isEmpty: false, now: at(2))) == [],
            "it was read for the previous flow")
        #expect(told(flow.tick(now: at(1000))) == ["rewind 2", "read"])
        #expect(told(flow.handleRead(frame(1), rewind: 2, isEmpty: false, now: at(1003))) == ["frame 1 on 7", "read"])
        flow.lost(consumer)
        #expect(flow.knows(other))
    }

    @Test func `however often flows are opened, one frame is read at a time and one rewind made per second`() {
        var flow = SpoolFlow()
        var actions: [String] = []
        for index in 0..<5000 {
            actions += told(flow.open(open(UInt32(index)), from: consumer, now: at(Int64(index))))
        }
        #expect(actions.count { $0.hasPrefix("rewind") } == 1 && actions.count { $0 == "read" } == 1)
        // The spool answers at once, and each flow is replaced immediately.
        for index in 5000..<10_000 {
            actions += told(flow.handleRead(frame(1), rewind: 1, isEmpty: false, now: at(Int64(index))))
            actions += told(flow.open(open(UInt32(index)), from: consumer, now: at(Int64(index))))
        }
        #expect(actions.count { $0.hasPrefix("rewind") } <= 7, "in ten seconds")
        #expect(actions.count { $0 == "read" } <= 7)
    }

    @Test func `a consumer that is silent or gone gets no more frames`() {
        var flow = SpoolFlow()
        _ = flow.open(open(), from: consumer, now: at(0))
        _ = flow.handleRead(frame(1), rewind: 1, isEmpty: false, now: at(0))
        #expect(told(flow.tick(now: at(3001))) == [])
        #expect(!flow.knows(consumer))
        #expect(told(flow.handleRead(frame(2), rewind: 1, isEmpty: false, now: at(3002))) == [])
    }
}
