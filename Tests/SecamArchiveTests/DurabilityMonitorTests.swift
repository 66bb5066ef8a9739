import SecamBase
import SecamTestSupport
import Testing

@testable import SecamArchive

@Suite struct DurabilityMonitorTests {
    @Test func `frames are overdue when none becomes durable within the timeout`() {
        var monitor = DurabilityMonitor()
        let limit = Int64(DurabilityMonitor.timeout / .milliseconds(1))
        #expect(!monitor.isOverdue(now: at(10 * limit)), "no frame")
        for time in stride(from: 0, through: limit, by: 100) { monitor.recordFrame(now: at(time)) }
        #expect(!monitor.isOverdue(now: at(limit)))
        #expect(monitor.isOverdue(now: at(limit + 1)))
    }

    @Test func `the time starts anew with the first frame after a durable one`() {
        var monitor = DurabilityMonitor()
        let limit = Int64(DurabilityMonitor.timeout / .milliseconds(1))
        monitor.recordFrame(now: at(0))
        monitor.reset()
        #expect(!monitor.isOverdue(now: at(2 * limit)), "all frames are durable")
        monitor.recordFrame(now: at(2 * limit))
        #expect(!monitor.isOverdue(now: at(3 * limit)))
        #expect(monitor.isOverdue(now: at(3 * limit + 1)))
    }
}
