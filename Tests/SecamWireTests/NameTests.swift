import SecamWire
import Testing

@Suite struct NameTests {
    @Test(arguments: [
        "a", "front door", "Werkstatt Süd", "カメラ 3", "📷 #4 (garage)", "камера-1", "a.b", "a-", "~", "a:b*?\"<>|",
        String(repeating: "n", count: 64), String(repeating: "ö", count: 32),
    ])
    func `a name may use any script, inner spaces and signs`(_ text: String) throws {
        #expect(try Name(text).text.utf8.elementsEqual(text.utf8))
    }

    @Test func `a name is not empty, not too long, and does not begin or end badly`() {
        #expect(throws: NameError.empty) { try Name("") }
        #expect(throws: NameError.tooLong(bytes: 65)) { try Name(String(repeating: "n", count: 65)) }
        #expect(throws: NameError.tooLong(bytes: 300)) { try Name(String(repeating: "/", count: 300)) }
        for text in [".", "..", ".hidden", "-rf", " a", " "] {
            #expect(throws: NameError.badStart, "\(text)") { try Name(text) }
        }
        #expect(throws: NameError.badEnd) { try Name("a ") }
    }

    @Test(
        arguments: [
            "/", "\\", "\0", "\n", "\r", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{a0}", "\u{ad}", "\u{200b}",
            "\u{200d}", "\u{202e}", "\u{2028}", "\u{2029}", "\u{2066}", "\u{3000}", "\u{e000}", "\u{feff}", "\u{ffff}",
            "\u{e0041}", "\u{10ffff}",
        ] as [Unicode.Scalar])
    func `a name contains no path separator and no character invisible on a terminal`(_ scalar: Unicode.Scalar) {
        for text in ["\(scalar)a", "a\(scalar)b", "a\(scalar)"] {
            #expect(throws: NameError.forbidden(scalar)) { try Name(text) }
        }
    }

    @Test func `a forbidden character hidden in a cluster is found`() {
        #expect(throws: NameError.forbidden("\r")) { try Name("a\r\nb") }
        #expect(throws: NameError.forbidden("\u{200d}")) { try Name("👩\u{200d}🔧") }
    }

    @Test func `names are equal when their bytes are`() throws {
        let composed = try Name("S\u{fc}d")
        let decomposed = try Name("Su\u{308}d")
        #expect(composed.text == decomposed.text && composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
        #expect(try Name("cam") != Name("Cam"))
        #expect(try Name("cam 1") < Name("cam 2"))
    }

    @Test func `an error about a name does not repeat it`() {
        #expect("\(NameError.forbidden("\u{1b}"))".contains("U+1B"))
        #expect("\(NameError.tooLong(bytes: 65))".contains("65 bytes"))
    }
}
