import Testing

@testable import SecamPolicy

@Suite struct YAMLGuardTests {
    @Test(arguments: [
        "a: &a [x]\nb: *a\n", "cameras:\n  ? *a\n  : off\n", "- &a b\n", "a: [*b]\n", "? &k {a: b}\n: c\n",
        String(repeating: "[", count: 40), String(repeating: "- ", count: 200) + "a",
        String(repeating: "#\n", count: 200_000),
        // The guard and the parser disagree where these quotes and lines end.
        "z: \"\\\\\"\na: &a [x]\nb: *a\n", "# c\ra: &a [x]\nb: *a\n", "x: -\"[\na: &a [x]\nb: *a\n",
        "# c\u{85}a: &a [x]\nb: *a\n",
    ])
    func `a policy with aliases, deep nesting or excessive size is refused`(text: String) {
        #expect(throws: PolicyError.self) { try PolicyFile(parsing: text, path: "policy.yaml") }
    }

    @Test func `a policy with the same characters in texts and comments is accepted`() throws {
        let text = """
            motion: on   # & and * in a comment
            hooks:
              - name: "*a & b"
                run: [/bin/echo, 'it''s &x', a*b, c&d]
                cameras: ['*porch']
            """
        #expect(try PolicyFile(parsing: text, path: "policy.yaml").hooks.count == 1)
    }
}
