import SecamBase
import SecamMesh
import SecamWire
import Testing

@testable import SecamCapture

struct MemoryOffersTests {
    private let start = MonotonicTime(microseconds: 1_000_000_000)
    private let worker = PeerID(number: 1)
    private let other = PeerID(number: 2)
    private let key: PublicKey
    private let otherKey: PublicKey

    init() throws { (key, otherKey) = (try KeyPair().publicKey, try KeyPair().publicKey) }

    private func ticket(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: WireLimits.ticket) }

    /// Offers file 7 to an encoder with this ticket.
    private func offer(_ byte: UInt8, _ offers: inout MemoryOffers, to peer: PeerID, at time: MonotonicTime) {
        let isDue = offers.handleGrant(from: peer, key: key, mapped: 0, of: 7, now: time)
        #expect(isDue)
        offers.recordOffer(ticket(byte), of: 7, to: peer, now: time)
    }

    @Test func `a file is offered until the encoder has mapped it`() {
        var offers = MemoryOffers()
        let isFirst = offers.handleGrant(from: worker, key: key, mapped: 0, of: nil, now: start)
        #expect(!isFirst && offers.hasEncoders)
        offer(1, &offers, to: worker, at: start)
        let isEarly = offers.handleGrant(from: worker, key: key, mapped: 0, of: 7, now: start + .milliseconds(9999))
        #expect(!isEarly)
        offer(2, &offers, to: worker, at: start + .seconds(10))
        let isValid = offers.redeem(ticket(2), for: 7, now: start + .seconds(11))
        #expect(isValid && !offers.hasMapped(7, worker), "it has not said so yet")
        let isMapped = offers.handleGrant(from: worker, key: key, mapped: 7, of: 7, now: start + .seconds(30))
        #expect(!isMapped && offers.hasMapped(7, worker) && offers.encodersWithMapping(of: 7) == 1)
        let isNew = offers.handleGrant(from: worker, key: key, mapped: 7, of: 8, now: start + .seconds(30))
        #expect(isNew && !offers.hasMapped(8, worker))
    }

    @Test func `a ticket is valid once, for five seconds, and until the next one`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        let unknown = offers.redeem(ticket(9), for: 7, now: start)
        let short = offers.redeem([1, 1, 1], for: 7, now: start)
        let late = offers.redeem(ticket(1), for: 7, now: start + .microseconds(5_000_001))
        #expect(!unknown && !short && !late)
        offer(2, &offers, to: worker, at: start + .seconds(10))
        let replaced = offers.redeem(ticket(1), for: 7, now: start + .seconds(10))
        let first = offers.redeem(ticket(2), for: 7, now: start + .seconds(15))
        let second = offers.redeem(ticket(2), for: 7, now: start + .seconds(15))
        #expect(!replaced && first && !second)
    }

    @Test func `the ticket of an earlier file is not valid, and hides no receiver of the present one`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        _ = offers.handleGrant(from: other, key: otherKey, mapped: 0, of: 8, now: start)
        offers.recordOffer(ticket(2), of: 8, to: other, now: start)
        let isValid = offers.redeem(ticket(2), for: 8, now: start)
        let isEarlierValid = offers.redeem(ticket(1), for: 8, now: start)
        #expect(isValid && !isEarlierValid)
        #expect(offers.hasReceiver(of: 8) { $0 == otherKey } && !offers.hasReceiver(of: 8) { $0 == key })
    }

    @Test func `an encoder that claims a file without having received it gets no pictures there`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        _ = offers.redeem(ticket(1), for: 7, now: start)
        _ = offers.handleGrant(from: other, key: otherKey, mapped: 7, of: 7, now: start)
        #expect(!offers.hasMapped(7, other) && offers.encodersWithMapping(of: 7) == 0)
    }

    @Test func `the ticket of a lost connection is not valid`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        offers.keep { _ in false }
        let isValid = offers.redeem(ticket(1), for: 7, now: start)
        #expect(!isValid && !offers.hasEncoders)
    }

    @Test func `the ticket of a revoked key is not valid`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        offers.revoke { $0 == otherKey }
        #expect(offers.knows(worker))
        offers.revoke { $0 == key }
        let isValid = offers.redeem(ticket(1), for: 7, now: start)
        #expect(!isValid && !offers.knows(worker) && !offers.hasReceiver(of: 7) { $0 == key })
    }

    @Test func `the key that has received a file is known after its connection is lost`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        _ = offers.redeem(ticket(1), for: 7, now: start)
        offers.keep { _ in false }
        #expect(offers.hasReceiver(of: 7) { $0 == key } && !offers.hasReceiver(of: 7) { $0 == otherKey })
        #expect(!offers.hasReceiver(of: 8) { $0 == key })
    }

    @Test func `a withdrawn file is withdrawn from all who know of it`() {
        var offers = MemoryOffers()
        offer(1, &offers, to: worker, at: start)
        _ = offers.redeem(ticket(1), for: 7, now: start)
        _ = offers.handleGrant(from: worker, key: key, mapped: 7, of: 7, now: start)
        _ = offers.handleGrant(from: other, key: otherKey, mapped: 0, of: nil, now: start)
        let informed = offers.withdraw(7)
        #expect(informed == [worker] && !offers.hasMapped(7, worker))
    }
}
