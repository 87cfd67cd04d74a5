#define _GNU_SOURCE
#include "CLockstepSystem.h"

#if defined(__linux__)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

long ls_system_unanswered(int socket) {
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    // Both count from the last answer on.
    return info.tcpi_retransmits > 0 || info.tcpi_probes > 0 ? (long)info.tcpi_last_ack_recv : 0;
}
#else
long ls_system_unanswered(int socket) {
    (void)socket;
    return 0;
}
#endif
