import SecamMesh
package import SecamWire
package import ServiceLifecycle

extension MetricsServer {
    /// Returns the server of a mesh member, which publishes its figures to `FigureStore.shared`; none without an
    /// endpoint.
    package static func services(_ endpoint: MetricsEndpoint?, _ role: Role, _ name: Name) -> [any Service] {
        guard let endpoint else { return [] }
        return [
            MetricsServer(endpoint) {
                var text = MetricsText()
                text.add(FigureStore.shared.figures, role: role, name: name.text)
                return text.text
            }
        ]
    }
}
