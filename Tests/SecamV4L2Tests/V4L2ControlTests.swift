import Testing

@testable import SecamV4L2

@Suite struct V4L2ControlTests {
    @Test(arguments: [
        ("Brightness", "brightness"), ("Exposure, Auto", "exposure_auto"),
        ("Power Line Frequency", "power_line_frequency"),
        ("White Balance Temperature, Auto", "white_balance_temperature_auto"), ("Integer 32 Bits", "integer_32_bits"),
        ("  Gain (%)", "gain"), ("R/B--Ratio", "r_b_ratio"), ("Y'CbCr Encoding", "y_cbcr_encoding"), ("", ""),
        ("\u{c4}\u{202e}!", ""),
    ])
    func `a control's name is spelled as v4l2-ctl does`(label: String, name: String) {
        #expect(V4L2Control.name(fromLabel: label) == name)
    }

    @Test func `values out of range are rejected with the range`() {
        let control = V4L2Control(
            identifier: 1, name: "brightness", kind: .number, minimum: -64, maximum: 64, isReadOnly: false)
        #expect(control.rangeProblem(of: -64) == nil)
        #expect(control.rangeProblem(of: 64) == nil)
        #expect(control.rangeProblem(of: 65) == "-64 to 64")
        #expect(control.rangeProblem(of: .max) == "-64 to 64")
    }

    @Test func `an unsigned bit mask beyond Int32 is rejected without a trap`() {
        let control = V4L2Control(
            identifier: 1, name: "mask", kind: .number, minimum: 0, maximum: .max, isReadOnly: false)
        #expect(control.rangeProblem(of: 1 << 40) != nil)
    }
}
