// The Linux calls that Swift's Glibc module lacks or imports unevenly (epoll, eventfd, accept4),
// and the socket calls whose C types are awkward in Swift (sockaddr unions, getaddrinfo).
//
// Every function returns a value >= 0, or the negated errno of the call that failed: `errno` is
// read here, next to the system call, and nowhere else.
#ifndef MERCATO_CLINUX_H
#define MERCATO_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct clinux_event {
    uint32_t events;
    uint64_t data;
};

// A socket address of any family, and its length in use.
struct clinux_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

enum { clinux_event_batch = 256, clinux_address_text_size = 64 };

static const uint32_t clinux_readable = EPOLLIN;
static const uint32_t clinux_writable = EPOLLOUT;
static const uint32_t clinux_hangup = EPOLLHUP;
static const uint32_t clinux_peer_shutdown = EPOLLRDHUP;
static const uint32_t clinux_failed = EPOLLERR;

int clinux_epoll_create(void);
int clinux_epoll_add(int poller, int descriptor, uint32_t events, uint64_t data);
int clinux_epoll_modify(int poller, int descriptor, uint32_t events, uint64_t data);
int clinux_epoll_remove(int poller, int descriptor);
// Waits at most `milliseconds` (-1: for ever). An interruption by a signal counts as zero events.
int clinux_epoll_wait(
    int poller, struct clinux_event *_Nonnull events, int capacity, int milliseconds);

int clinux_eventfd_create(void);
int clinux_eventfd_signal(int descriptor);
int clinux_eventfd_drain(int descriptor);

int clinux_close(int descriptor);

// `host` must be a numeric IPv4 or IPv6 address; never asks a name server.
int clinux_numeric_address(
    const char *_Nonnull host, uint16_t port, struct clinux_address *_Nonnull address);
// Blocks while it asks the system's resolver. Returns the number of addresses written.
int clinux_resolve(
    const char *_Nonnull host, uint16_t port, struct clinux_address *_Nonnull addresses,
    int capacity);
// Writes `127.0.0.1` or `::1` and returns the port.
int clinux_describe(const struct clinux_address *_Nonnull address, char *_Nonnull text, int size);

// A non-blocking, close-on-exec stream socket of the address's family.
int clinux_stream_socket(const struct clinux_address *_Nonnull address);
// Several sockets of one user may then listen on the same port, and the kernel spreads connections.
int clinux_share_port(int descriptor);
int clinux_bind(int descriptor, const struct clinux_address *_Nonnull address);
int clinux_listen(int descriptor, int backlog);
int clinux_connect(int descriptor, const struct clinux_address *_Nonnull address);
int clinux_connect_result(int descriptor);
int clinux_accept(int descriptor, struct clinux_address *_Nonnull peer);
int clinux_local_port(int descriptor);
int clinux_set_no_delay(int descriptor);
// The kernel takes no more while so many bytes wait to be sent; what is on its way does not count.
int clinux_set_unsent_max(int descriptor, int bytes);
// Closing then sends a reset instead of an orderly end.
int clinux_set_reset_on_close(int descriptor);
int clinux_shutdown_write(int descriptor);
int64_t clinux_receive(int descriptor, void *_Nonnull buffer, size_t capacity);
// Never raises SIGPIPE.
int64_t clinux_send(int descriptor, const void *_Nonnull bytes, size_t count);

// Names the calling thread; the kernel keeps the first 15 bytes.
int clinux_name_thread(const char *_Nonnull name);

#endif
