extension Role {
    /// The role of this name.
    package init?(_ text: String) {
        guard let role = Role.allCases.first(where: { $0.description == text }) else { return nil }
        self = role
    }
}

extension UserRole {
    /// The role of this name.
    package init?(_ text: String) {
        guard let role = UserRole.allCases.first(where: { $0.description == text }) else { return nil }
        self = role
    }
}

extension FlowContent {
    package init(_ rendition: Rendition) {
        self =
            switch rendition {
            case .jpeg: .jpeg
            case .sub: .sub
            case .luma: .luma
            }
    }

    /// The rendition that the flow takes from the ring; `nil` for events and spooled frames.
    package var rendition: Rendition? { Rendition(rawValue: rawValue) }
}

extension RenditionSet {
    package init(_ rendition: Rendition) { self.init(rawValue: 1 << (rendition.rawValue - 1)) }

    package func contains(_ rendition: Rendition) -> Bool { contains(RenditionSet(rendition)) }
}

extension RecordingMode {
    /// Whether the mode needs the camera's events.
    package var needsEvents: Bool { self != .continuous }

    /// Whether everything is recorded.
    package var isContinuous: Bool { self != .motion }
}

extension PixelFormat {
    /// Returns the size of a picture without padding, bytes; `nil` for JPEG, whose size depends on the content. Chroma
    /// of odd-sized pictures is rounded up.
    package func byteCount(width: Int, height: Int) -> Int? {
        let chromaWidth = (width + 1) / 2
        let chromaHeight = (height + 1) / 2
        return switch self {
        case .jpeg: nil
        case .gray8: width * height
        case .yuyv: chromaWidth * 4 * height
        case .nv12, .i420: width * height + 2 * chromaWidth * chromaHeight
        case .rgb24: width * height * 3
        }
    }
}
