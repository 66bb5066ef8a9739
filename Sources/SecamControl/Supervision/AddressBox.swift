import Synchronization

/// The address of the set, which is known once its gateway is ready.
final class AddressBox: Sendable {
    private let address = Mutex<ServiceSetAddress?>(nil)

    func set(_ reached: ServiceSetAddress) { address.withLock { $0 = reached } }

    func get() -> ServiceSetAddress? { address.withLock { $0 } }
}
