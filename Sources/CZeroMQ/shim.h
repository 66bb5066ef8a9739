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

/* A descriptor that other threads can make readable; -1 when none is free. */
static inline int secam_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Names the calling thread, at most 15 characters, for people who look with top. */
static inline void secam_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// For processes in which frames go from thread to thread, some megabytes each, many times a second.
///
/// Without the first, each thread has an arena of its own, which keeps what frames on their way to another thread had
/// taken. Without the others, the memory of each large frame comes new from the kernel, page by page, and goes back at
/// once: four tenths of what sending a raw picture costs.
static inline void secam_prepare_heap_for_frames(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

/// libzmq numbers a socket's connections from what rand() returns when the socket is made, and never seeds it. Called
/// before and after a socket is made, so that what else libzmq takes from rand() tells nothing of that number.
static inline void secam_randomize_routing_ids(void) {
    unsigned int seed = 0;
    if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) srand(seed);
}

/* What the kernel knows of a TCP connection, bytes. */
struct secam_tcp_counters {
    uint64_t acknowledged; /* that the peer's kernel has */
    uint64_t received;     /* from the peer, read by us or not */
};

/* 0, or -1 when the descriptor is no TCP socket. */
static inline int secam_read_tcp_counters(int descriptor, struct secam_tcp_counters *counters) {
    /* The kernel's struct tcp_info, whose header cannot stand beside libc's: tcpi_bytes_acked and tcpi_bytes_received. */
    unsigned char info[136];
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &length) != 0 || length < sizeof info) return -1;
    memcpy(&counters->acknowledged, info + 120, 8);
    memcpy(&counters->received, info + 128, 8);
    return 0;
}

/* The inode that tells a socket from a later one with the same descriptor; 0 when the descriptor is no socket. */
static inline uint64_t secam_socket_inode(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/* Writes the address of a connected socket's other end, of IPv6 the first 64 bits; -1 when it is not
   connected, or its own port is not `port`, where 0 stands for any. */
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

/* Ends a connection whose descriptor belongs to libzmq, which notices and closes it. Our own duplicate keeps the number
   from being reused between the check and the end. What waits to be sent is dropped. */
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
