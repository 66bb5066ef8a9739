// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// ASSIGNMENT: Lists all cameras that a motion service watches.
///
///     offset  size  field
///     0       2     count of cameras; for each:
///     +0      1     sensitivity
///     +1      1     mapsPerSecond
///     +2      2     smallestObject
///     +4      2+n   camera
///     ..      2     count of zones; for each:
///     +0      1     kind
///     +1      1     reserved
///     +2      2     count of corners; for each:
///     +0      2     x
///     +2      2     y
package struct Assignment: WireMessage {
    package static let type = MessageType.assignment
    package let cameras: [Camera]

    /// An entry of `cameras`.
    package struct Camera: WireElement, Sendable, Hashable {
        /// 1 to 100.
        package let sensitivity: UInt8
        /// 1 to 30.
        package let mapsPerSecond: UInt8
        /// Hundredths of a percent of the picture, at most 10000.
        package let smallestObject: UInt16
        package let camera: Name
        /// Parts of the picture.
        package let zones: [Zone]

        package init(sensitivity: UInt8, mapsPerSecond: UInt8, smallestObject: UInt16, camera: Name, zones: [Zone]) {
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

    /// An entry of `zones`.
    package struct Zone: WireElement, Sendable, Hashable {
        package let kind: ZoneKind
        /// Of a polygon, at least 3 (fewer: `bad-value`, field `count`).
        package let corners: [Corner]

        package init(kind: ZoneKind, corners: [Corner]) {
            precondition((3...WireLimits.corners).contains(corners.count))
            self.kind = kind
            self.corners = corners
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            kind = try reader.choice("kind", bytes)
            try reader.skip("reserved", count: 1)
            corners = try reader.list("count", atLeast: 3, limit: WireLimits.corners, bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(kind)
            writer.zeros(1)
            writer.list(corners)
        }
    }

    /// An entry of `corners`.
    package struct Corner: WireElement, Sendable, Hashable {
        /// In 65535ths of the picture's width, from the left.
        package let x: UInt16
        /// In 65535ths of the picture's height, from above.
        package let y: UInt16

        package init(x: UInt16, y: UInt16) {
            self.x = x
            self.y = y
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            x = try reader.integer("x", bytes)
            y = try reader.integer("y", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.integer(x)
            writer.integer(y)
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
