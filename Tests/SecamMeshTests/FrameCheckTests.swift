import SecamMesh
import SecamWire
import Testing

@Suite struct FrameCheckTests {
    private func frame(
        _ sequence: UInt64, _ rendition: Rendition = .jpeg, _ format: PixelFormat = .jpeg, incarnation: UInt64 = 9
    ) -> Frame {
        Frame(
            flow: 1, rendition: rendition, format: format, incarnation: incarnation, sequence: sequence, timestamp: 0,
            width: 4, height: 4)
    }

    @Test func `a frame of another rendition or format does not belong to the flow`() {
        var check = FrameCheck(.jpeg)
        #expect(check.violation(of: frame(1)) == nil)
        #expect(check.violation(of: frame(2, .sub)) == .rendition(.sub, onFlowOf: .jpeg))
        #expect(check.violation(of: frame(2, .jpeg, .gray8)) == .format(.gray8, of: .jpeg))
        var luma = FrameCheck(.luma)
        #expect(luma.violation(of: frame(1, .luma, .gray8)) == nil)
        #expect(luma.violation(of: frame(2, .luma, .jpeg)) == .format(.jpeg, of: .luma))
        #expect("\(FlowViolation.rendition(.sub, onFlowOf: .jpeg))" == "frame of the rendition sub on a flow of jpeg")
    }

    @Test func `sequence numbers do not step back within an incarnation`() {
        var check = FrameCheck(.sub)
        #expect(check.violation(of: frame(60, .sub)) == nil)
        #expect(check.violation(of: frame(10, .sub)) == .order(10, after: 60))
        #expect(check.violation(of: frame(59, .sub)) == .order(59, after: 60))
        // A flow that is opened again may begin with the newest frame once more.
        #expect(check.violation(of: frame(60, .sub)) == nil)
        #expect(check.violation(of: frame(61, .sub)) == nil)
        #expect(check.violation(of: frame(1, .sub, incarnation: 10)) == nil)
    }
}
