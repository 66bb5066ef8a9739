package import ArgumentParser

/// Help texts of options that `secam up` shares with the services.
package enum OptionHelp {
    package static let host: ArgumentHelp = "Address to listen at for viewers. (SECAM_HOST; default: ::, all addresses)"
    package static let port: ArgumentHelp = "Port for viewers; 0 for any free port. (SECAM_PORT; default: 7443)"
    package static let record: ArgumentHelp = """
        Recording mode of cameras without a setting in the policy: off, motion, continuous or both. (SECAM_RECORD; \
        default: off)
        """
    package static let freeMegabytes: ArgumentHelp =
        "Free space to keep on the disk of the recordings, MiB. (SECAM_FREE_MEGABYTES; default: 1024)"
    package static let keepAtLeast: ArgumentHelp = """
        Minimum retention, such as 24h; younger recordings are never removed to make room, and recording stops instead. \
        (SECAM_KEEP_AT_LEAST; default: 0s)
        """
    package static let connectionsPerAddress: ArgumentHelp = """
        Maximum number of viewer connections from one address. (SECAM_CONNECTIONS_PER_ADDRESS; default: 64)
        """
    package static let connectionsPerUser: ArgumentHelp =
        "Maximum number of viewer connections of one user. (SECAM_CONNECTIONS_PER_USER; default: 32)"
    package static let ringSeconds: ArgumentHelp = """
        Length of each camera's ring, the frames in its memory, seconds. (SECAM_RING_SECONDS; default: 30)
        """
    package static let ringMegabytes: ArgumentHelp =
        "Maximum size of each camera's ring, MiB. (SECAM_RING_MEGABYTES; default: 64)"
    package static let spoolMegabytes: ArgumentHelp = """
        Maximum size of a camera's spool, MiB; the oldest frames go first. (SECAM_SPOOL_MEGABYTES; default: 1024)
        """
}
