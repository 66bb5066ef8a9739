/// The name of a camera, service or user: 1 to 64 bytes of UTF-8 that are safe as a folder's name and on a terminal.
///
/// Letters, digits and signs of any script are allowed, and spaces within the name. `/`, `\` and control characters are
/// not allowed, nor `.`, `-` or a space at the start, nor a space at the end. Names are equal when their bytes are, as
/// in folders and tables, unlike strings, which are equal when they look alike.
package struct Name: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) throws(NameError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= WireLimits.name else { throw .tooLong(bytes: text.utf8.count) }
        for scalar in text.unicodeScalars where !Name.isAllowed(scalar) {
            throw .forbidden(scalar)
        }
        guard let first = text.unicodeScalars.first, !".- ".unicodeScalars.contains(first) else {
            throw .badStart
        }
        guard text.unicodeScalars.last != " " else { throw .badEnd }
        self.text = text
    }

    package var description: String { text }

    package static func == (left: Name, right: Name) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        // Equal bytes are equal texts.
        hasher.combine(text)
    }

    package static func < (left: Name, right: Name) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: scalar != "/" && scalar != "\\"
        }
    }
}

package enum NameError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    case tooLong(bytes: Int)
    case forbidden(Unicode.Scalar)
    case badStart
    case badEnd

    package var description: String {
        let reason =
            switch self {
            case .empty: "it is empty"
            case .tooLong(let bytes): "it has \(bytes) bytes"
            case .forbidden(let scalar): "it contains U+\(String(scalar.value, radix: 16, uppercase: true))"
            case .badStart: "it begins with '.', '-' or a space"
            case .badEnd: "it ends with a space"
            }
        return "not usable as a name: \(reason). Use 1 to \(WireLimits.name) bytes of letters, digits, spaces and "
            + "signs, without '/', '\\' and control characters"
    }
}
