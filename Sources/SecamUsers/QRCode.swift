import CQRencode

/// A QR code of a text.
package struct QRCode: Sendable {
    /// Rows and columns.
    package let side: Int
    private let modules: [Bool]

    /// Returns `nil` if the text is too long, or no memory is left.
    package init?(_ text: String) {
        // Version 0 chooses the smallest size.
        guard let code = unsafe QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M) else { return nil }
        defer { unsafe QRcode_free(code) }
        let side = unsafe Int(code.pointee.width)
        self.side = side
        // The lowest bit says whether a module is dark.
        modules = (0..<side * side).map { unsafe code.pointee.data[$0] & 1 == 1 }
    }

    package func isDark(_ x: Int, _ y: Int) -> Bool {
        (0..<side).contains(x) && (0..<side).contains(y) && modules[y * side + x]
    }

    /// The rows, with `1` for each dark module and `0` for each light one.
    package var rows: [String] {
        (0..<side).map { y in (0..<side).map { isDark($0, y) ? "1" : "0" }.joined() }
    }

    /// The code as lines for a terminal, two rows in each line, dark on light with the light margin that readers need.
    package var terminalText: String {
        let margin = 2
        return stride(from: -margin, to: side + margin, by: 2).map { y in
            let line = (-margin..<side + margin).map { x in
                switch (isDark(x, y), isDark(x, y + 1)) {
                case (true, true): "█"
                case (true, false): "▀"
                case (false, true): "▄"
                case (false, false): " "
                }
            }.joined()
            return "\u{1b}[30;107m\(line)\u{1b}[0m\n"
        }.joined()
    }
}
