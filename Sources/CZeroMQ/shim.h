#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

/* Returns a descriptor that other threads can make readable, or -1 if none is free. */
static inline int secam_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Sets the name of the calling thread, at most 15 characters, as shown by top. */
static inline void secam_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Tunes the heap for frames of some megabytes that pass between threads many times a second.
///
/// Without the arena limit, each thread has an arena of its own, which retains the memory of frames that it passed to
/// another thread. Without the thresholds, the kernel provides the memory of each large frame page by page and gets it
/// back immediately: 40 per cent of the cost of sending a raw picture.
static inline void secam_prepare_heap_for_frames(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

/// Seeds rand(). libzmq numbers a socket's connections starting with rand() at the creation of the socket, and never
/// seeds it. To be called before and after the creation, so that later values of rand() do not reveal that number.
static inline void secam_randomize_routing_ids(void) {
    unsigned int seed = 0;
    if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) srand(seed);
}

/* The kernel's counters of a TCP connection, bytes. */
struct secam_tcp_counters {
    uint64_t acknowledged; /* by the peer's kernel */
    uint64_t received;     /* from the peer, read by this process or not */
};

/* Returns 0, or -1 if the descriptor is not a TCP socket. */
static inline int secam_read_tcp_counters(int descriptor, struct secam_tcp_counters *counters) {
    /* tcpi_bytes_acked and tcpi_bytes_received of the kernel's struct tcp_info, whose header conflicts with libc's. */
    unsigned char info[136];
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &length) != 0 || length < sizeof info) return -1;
    memcpy(&counters->acknowledged, info + 120, 8);
    memcpy(&counters->received, info + 128, 8);
    return 0;
}

/* Returns the inode, which distinguishes a socket from a later one with the same descriptor; 0 if the descriptor is not
   a socket. */
static inline uint64_t secam_socket_inode(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/* Writes the peer address of a connected socket, for IPv6 the first 64 bits. Returns -1 if the socket is not connected,
   or its own port is not `port` (0 for any port). */
static inline int secam_read_peer_network(int descriptor, uint16_t port, char text[INET6_ADDRSTRLEN]) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) return -1;
    in_port_t own = address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                  : address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : 0;
    if (port != 0 && ntohs(own) != port) return -1;
    length = sizeof address;
    if (getpeername(descriptor, (struct sockaddr *)&address, &length) != 0) return -1;
    if (address.ss_family == AF_INET)
        return inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, text, INET6_ADDRSTRLEN) ? 0 : -1;
    struct in6_addr *wide = &((struct sockaddr_in6 *)&address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(wide)) return inet_ntop(AF_INET, wide->s6_addr + 12, text, INET6_ADDRSTRLEN) ? 0 : -1;
    memset(wide->s6_addr + 8, 0, 8);
    return inet_ntop(AF_INET6, wide, text, INET6_ADDRSTRLEN) ? 0 : -1;
}

/* Shuts down a connection whose descriptor belongs to libzmq, which then closes it. A duplicate descriptor keeps the
   number from being reused between the check and the shutdown. Unsent data are dropped. */
static inline int secam_end_connection(int descriptor, uint64_t inode) {
    int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return -1;
    int result = -1;
    if (secam_socket_inode(own) == inode) {
        struct linger now = {1, 0};
        setsockopt(own, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        result = shutdown(own, SHUT_RDWR);
    }
    close(own);
    return result;
}
