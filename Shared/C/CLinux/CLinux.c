#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int64_t checked(int64_t result) { return result < 0 ? -(int64_t)errno : result; }

int clinux_epoll_create(void) { return (int)checked(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poller, int operation, int descriptor, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return (int)checked(epoll_ctl(poller, operation, descriptor, &event));
}

int clinux_epoll_add(int poller, int descriptor, uint32_t events, uint64_t data)
{
    return control(poller, EPOLL_CTL_ADD, descriptor, events, data);
}

int clinux_epoll_modify(int poller, int descriptor, uint32_t events, uint64_t data)
{
    return control(poller, EPOLL_CTL_MOD, descriptor, events, data);
}

int clinux_epoll_remove(int poller, int descriptor)
{
    return control(poller, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int clinux_epoll_wait(int poller, struct clinux_event *events, int capacity, int milliseconds)
{
    // The kernel's structure is packed on x86-64 only; copying gives Swift one layout everywhere.
    struct epoll_event batch[clinux_event_batch];
    if (capacity > clinux_event_batch)
        capacity = clinux_event_batch;
    int count = epoll_wait(poller, batch, capacity, milliseconds);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        events[index].events = batch[index].events;
        events[index].data = batch[index].data.u64;
    }
    return count;
}

int clinux_eventfd_create(void) { return (int)checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int clinux_eventfd_signal(int descriptor)
{
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(descriptor, &one, sizeof one);
    while (written < 0 && errno == EINTR);
    // A full counter means that a wake-up is already pending.
    if (written < 0 && errno != EAGAIN)
        return -errno;
    return 0;
}

int clinux_eventfd_drain(int descriptor)
{
    uint64_t count;
    ssize_t got = read(descriptor, &count, sizeof count);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return -errno;
    return 0;
}

int clinux_close(int descriptor)
{
    // Linux frees the number even when close reports EINTR; trying again could close a stranger.
    int result = close(descriptor);
    return result < 0 && errno != EINTR ? -errno : 0;
}

static int lookup(
    const char *host, uint16_t port, int flags, struct clinux_address *addresses, int capacity)
{
    struct addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, service, &hints, &found);
    if (failure != 0)
        return failure == EAI_SYSTEM ? -errno : -ENOENT;
    int count = 0;
    for (struct addrinfo *each = found; each != NULL && count < capacity; each = each->ai_next) {
        if (each->ai_addrlen > sizeof addresses[count].storage)
            continue;
        memset(&addresses[count], 0, sizeof addresses[count]);
        memcpy(&addresses[count].storage, each->ai_addr, each->ai_addrlen);
        addresses[count].length = each->ai_addrlen;
        count++;
    }
    freeaddrinfo(found);
    return count == 0 ? -ENOENT : count;
}

int clinux_numeric_address(const char *host, uint16_t port, struct clinux_address *address)
{
    return lookup(host, port, AI_NUMERICHOST, address, 1);
}

int clinux_resolve(
    const char *host, uint16_t port, struct clinux_address *addresses, int capacity)
{
    return lookup(host, port, AI_ADDRCONFIG, addresses, capacity);
}

// As inet_ntop, which goes through printf: ten times the work, for each connection.
static void describe_v4(uint32_t address, char *text)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        unsigned byte = (address >> shift) & 255;
        if (byte >= 100)
            *text++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *text++ = (char)('0' + byte / 10 % 10);
        *text++ = (char)('0' + byte % 10);
        *text++ = shift > 0 ? '.' : 0;
    }
}

int clinux_describe(const struct clinux_address *address, char *text, int size)
{
    text[0] = 0;
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        if (size < INET_ADDRSTRLEN)
            return -ENOSPC;
        describe_v4(ntohl(v4->sin_addr.s_addr), text);
        return ntohs(v4->sin_port);
    }
    if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)size);
        return ntohs(v6->sin6_port);
    }
    return -EAFNOSUPPORT;
}

int clinux_stream_socket(const struct clinux_address *address)
{
    return (int)checked(
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int clinux_share_port(int descriptor)
{
    int on = 1;
    return (int)checked(setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
}

int clinux_bind(int descriptor, const struct clinux_address *address)
{
    int on = 1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    return (int)checked(
        bind(descriptor, (const struct sockaddr *)&address->storage, address->length));
}

int clinux_listen(int descriptor, int backlog)
{
    return (int)checked(listen(descriptor, backlog));
}

int clinux_connect(int descriptor, const struct clinux_address *address)
{
    return (int)checked(
        connect(descriptor, (const struct sockaddr *)&address->storage, address->length));
}

int clinux_connect_result(int descriptor)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) < 0)
        return -errno;
    return -failure;
}

int clinux_accept(int descriptor, struct clinux_address *peer)
{
    memset(peer, 0, sizeof *peer);
    peer->length = sizeof peer->storage;
    return (int)checked(accept4(
        descriptor, (struct sockaddr *)&peer->storage, &peer->length,
        SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int clinux_local_port(int descriptor)
{
    struct clinux_address address;
    char text[clinux_address_text_size];
    memset(&address, 0, sizeof address);
    address.length = sizeof address.storage;
    if (getsockname(descriptor, (struct sockaddr *)&address.storage, &address.length) < 0)
        return -errno;
    return clinux_describe(&address, text, sizeof text);
}

int clinux_set_no_delay(int descriptor)
{
    int on = 1;
    return (int)checked(setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

int clinux_set_unsent_max(int descriptor, int bytes)
{
    return (int)checked(
        setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes));
}

int clinux_set_reset_on_close(int descriptor)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return (int)checked(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

int clinux_shutdown_write(int descriptor) { return (int)checked(shutdown(descriptor, SHUT_WR)); }

int64_t clinux_receive(int descriptor, void *buffer, size_t capacity)
{
    return checked(recv(descriptor, buffer, capacity, 0));
}

int64_t clinux_send(int descriptor, const void *bytes, size_t count)
{
    return checked(send(descriptor, bytes, count, MSG_NOSIGNAL));
}

int clinux_name_thread(const char *name)
{
    char kept[16];
    snprintf(kept, sizeof kept, "%s", name);
    return -pthread_setname_np(pthread_self(), kept);
}
