/// Name and version that every program says of itself.
public let softwareVersion = "secam/0.1.0"
