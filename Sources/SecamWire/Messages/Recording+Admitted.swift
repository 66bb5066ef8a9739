extension Recording {
    /// - Parameter admitted: if there are more than `WireLimits.members`, none is deleted.
    package init(cameras: [Camera], goneKeep: UInt32 = 0, admitted: [Name] = []) {
        let isWhole = admitted.count <= WireLimits.members
        self.cameras = cameras
        self.goneKeep = isWhole ? goneKeep : 0
        self.admitted = isWhole ? admitted : []
    }
}

extension Recording.Camera {
    package static let longestRoll = WireLimits.roll
}
