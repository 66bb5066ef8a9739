import SecamWire

/// The folder of a camera's recordings. Its name is valid on every file system, and unique even where case is ignored.
///
/// FAT and exFAT do not allow `:` or `?`, and treat `Door` and `door` as equal. Lower-case letters, digits, `_`, `-`
/// and `.` are unchanged. An upper-case letter becomes `+` and the letter in lower case. Every other byte of the name's
/// UTF-8 becomes `%` and two hexadecimal digits in lower case, as do a `.` at the end and the first letter of a DOS
/// device name (`con`, `lpt1`). A name of at most 64 bytes becomes one of at most 192.
enum CameraFolder {
    static func name(of camera: Name) -> String {
        let bytes = Array(camera.text.utf8)
        var name = ""
        for (offset, byte) in bytes.enumerated() {
            let isReserved = offset == 0 && isDevice(bytes) || offset == bytes.count - 1 && byte == UInt8(ascii: ".")
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name += "+" + String(Character(Unicode.Scalar(byte | 0x20)))
            case _ where isSafe(byte) && !isReserved: name.unicodeScalars.append(Unicode.Scalar(byte))
            default: name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return name
    }

    /// Returns the names of all folders that may hold recordings of a camera: the present one, and the camera's name
    /// itself, which earlier versions used.
    static func names(of camera: Name) -> [String] {
        let name = name(of: camera)
        return name == camera.text ? [name] : [name, camera.text]
    }

    /// Whether a folder is one of `names(of:)`, even if the disk has changed the case of the earlier one.
    static func isFolder(_ folder: some StringProtocol, of camera: Name) -> Bool {
        name(of: camera).utf8.elementsEqual(folder.utf8) || folder.lowercased() == camera.text.lowercased()
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "_-.".utf8.contains(byte)
        }
    }

    /// Whether the part before the first dot is the name of a DOS device.
    private static func isDevice(_ name: [UInt8]) -> Bool {
        let stem = String(decoding: name.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
        if ["con", "prn", "aux", "nul"].contains(stem) { return true }
        return stem.utf8.count == 4 && (stem.hasPrefix("com") || stem.hasPrefix("lpt"))
            && ("0"..."9").contains(stem.last!)
    }
}
