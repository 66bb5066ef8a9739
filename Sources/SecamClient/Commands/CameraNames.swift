import ArgumentParser
import SecamWire

enum RenditionOption: String, ExpressibleByArgument, CaseIterable {
    case jpeg, sub

    var rendition: Rendition {
        switch self {
        case .jpeg: .jpeg
        case .sub: .sub
        }
    }
}

/// Checks camera names from the command line.
enum CameraNames {
    /// Returns the names without repetitions.
    static func parse(_ texts: [String]) throws(ClientError) -> [Name] {
        var names: [Name] = []
        for text in texts {
            let name = try cameraName(text)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// - Throws: `noSuchCamera` when a name is not in the gateway's list.
    static func check(_ names: [Name], in cameras: [Cameras.Camera], server: ServerAddress) throws(ClientError) {
        let available = cameras.map(\.name)
        let missing = names.filter { !available.contains($0) }
        guard !missing.isEmpty else { return }
        throw .noSuchCamera(names: missing.map(\.text), available: available.sorted(), server: server)
    }
}

/// Returns a camera's name.
///
/// - Throws: `badOption` when no camera can have it.
func cameraName(_ text: String) throws(ClientError) -> Name {
    do {
        return try Name(text)
    } catch {
        throw .badOption(option: "camera", value: text, expected: "a camera name; this one is \(error)")
    }
}
