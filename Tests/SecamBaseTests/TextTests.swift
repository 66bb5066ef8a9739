import SecamBase
import Testing

@Suite struct JSONTextTests {
    @Test(arguments: [
        ("plain", "\"plain\""), ("", "\"\""), ("\"\\/", "\"\\\"\\\\/\""), ("a\nb\t\0", "\"a\\u000ab\\u0009\\u0000\""),
        ("\u{7f}\u{9b}", "\"\\u007f\\u009b\""), ("ü😀", "\"ü😀\""), ("\r\n", "\"\\u000d\\u000a\""),
    ])
    func `JSON text is escaped`(text: String, written: String) {
        #expect(JSONText.string(text) == written)
    }

    @Test func `objects and arrays keep their order`() {
        #expect(
            JSONText.object(["b": "1", "a\"": JSONText.array(["true", JSONText.string("x")])])
                == #"{"b":1,"a\"":[true,"x"]}"#)
        #expect(JSONText.object([:]) == "{}")
        #expect(JSONText.array([]) == "[]")
    }

    @Test func `numbers are rounded and always valid`() {
        #expect(JSONText.number(1.2345, digits: 2) == "1.23")
        #expect(JSONText.number(30, digits: 1) == "30.0")
        #expect(JSONText.number(-0.04, digits: 1) == "-0.0")
        #expect(JSONText.number(nil, digits: 1) == "null")
        #expect(JSONText.number(.nan, digits: 1) == "null")
        #expect(JSONText.number(.infinity, digits: 1) == "null")
        #expect(Double(JSONText.number(1e308, digits: 3)) == 1e308, "\(JSONText.number(1e308, digits: 3))")
    }
}
