/// All cameras that a motion service watches, with their settings. The registry sends it after a join and at each
/// change.
///
///     offset  type         field           meaning
///     0       list 4096    cameras         for each:
///     +0      u8           sensitivity     1 to 100
///     +1      u8           mapsPerSecond   1 to 30
///     +2      u16          smallestObject  hundredths of a percent of the picture, at most 10000
///     +4      name         camera
///     ..      list 32      zones           parts of the picture; for each:
///     +0      u8 ZoneKind  kind
///     +1      zero 1       reserved
///     +2      list 64      corners         of a polygon, at least 3 (fewer: bad-value, field count); for each:
///     +0      u16          x               in 65535ths of the picture's width, from the left
///     +2      u16          y               in 65535ths of the picture's height, from above
package struct Assignment: WireMessage {
    package static let type = MessageType.assignment
    package let cameras: [Camera]

    package struct Camera: WireElement, Sendable, Hashable {
        package let sensitivity: UInt8
        package let mapsPerSecond: UInt8
        /// Hundredths of a percent of the picture.
        package let smallestObject: UInt16
        package let camera: Name
        package let zones: [Zone]

        package init(
            sensitivity: UInt8, mapsPerSecond: UInt8, smallestObject: UInt16, camera: Name, zones: [Zone]
        ) {
            precondition(zones.count <= WireLimits.zones)
            self.sensitivity = sensitivity
            self.mapsPerSecond = mapsPerSecond
            self.smallestObject = smallestObject
            self.camera = camera
            self.zones = zones
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            sensitivity = try reader.integer("sensitivity", bytes)
            guard (1...100).contains(sensitivity) else { throw .badValue(field: "sensitivity") }
            mapsPerSecond = try reader.integer("mapsPerSecond", bytes)
            guard (1...30).contains(mapsPerSecond) else { throw .badValue(field: "mapsPerSecond") }
            smallestObject = try reader.integer("smallestObject", bytes)
            guard smallestObject <= 10_000 else { throw .badValue(field: "smallestObject") }
            camera = try reader.name("camera", bytes)
            zones = try reader.list("count", limit: WireLimits.zones, bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.integer(sensitivity)
            writer.integer(mapsPerSecond)
            writer.integer(smallestObject)
            writer.name(camera)
            writer.list(zones)
        }
    }

    /// A polygon of the picture that is watched or ignored.
    package struct Zone: WireElement, Sendable, Hashable {
        package let kind: ZoneKind
        package let corners: [Corner]

        package init(kind: ZoneKind, corners: [Corner]) {
            precondition((3...WireLimits.corners).contains(corners.count))
            self.kind = kind
            self.corners = corners
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            kind = try reader.choice("kind", bytes)
            try reader.skip("reserved", count: 1)
            let count = try reader.count("count", limit: WireLimits.corners, bytes)
            guard count >= 3 else { throw .badValue(field: "count") }
            var list: [Corner] = []
            for _ in 0..<count {
                list.append(Corner(x: try reader.integer("x", bytes), y: try reader.integer("y", bytes)))
            }
            corners = list
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(kind)
            writer.integer(UInt8(0))
            writer.integer(UInt16(corners.count))
            for corner in corners {
                writer.integer(corner.x)
                writer.integer(corner.y)
            }
        }
    }

    /// A corner, in 65535ths of the picture's width and height.
    package struct Corner: Sendable, Hashable {
        package let x: UInt16
        package let y: UInt16

        package init(x: UInt16, y: UInt16) {
            self.x = x
            self.y = y
        }
    }

    package init(cameras: [Camera]) { self.cameras = cameras }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.list(cameras)
    }
}

package enum ZoneKind: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// An area to watch. With at least one, everything outside these areas is ignored.
    case watch = 1
    /// An area that is always ignored.
    case ignore = 2

    package var description: String {
        switch self {
        case .watch: "watch"
        case .ignore: "ignore"
        }
    }
}
