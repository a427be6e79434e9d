// The library's built-in broker always binds port 0 of 127.0.0.1, and there is no option for it. A
// client remembers its coordinator's address, so after a restart on another port consumers never
// come back. This file therefore defines `bind` for the whole process: the dynamic linker resolves
// the library's call to it. Everything is passed on as the system call; only one port is replaced,
// and only while armed.

#include "FixedPort.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// The port to give out; 0 while disarmed. One socket takes it.
static _Atomic uint16_t armed_port;
static _Atomic int was_used;

void fixed_port_arm(uint16_t port) {
    atomic_store(&was_used, 0);
    atomic_store(&armed_port, port);
}

int fixed_port_disarm(void) {
    atomic_store(&armed_port, 0);
    return atomic_load(&was_used);
}

// A killed broker leaves connections in TIME_WAIT, which would keep the port from its successor.
static void allow_lingering(int descriptor) {
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static int is_any_port_of_loopback(const struct sockaddr *address, socklen_t length) {
    struct sockaddr_in inet;
    if (address == NULL || length < sizeof(inet) || address->sa_family != AF_INET) return 0;
    memcpy(&inet, address, sizeof(inet));
    return inet.sin_port == 0 && inet.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
    struct sockaddr_in fixed;
    if (is_any_port_of_loopback(address, length)) {
        uint16_t port = atomic_exchange(&armed_port, 0);
        if (port != 0) {
            memcpy(&fixed, address, sizeof(fixed));
            fixed.sin_port = htons(port);
            allow_lingering(descriptor);
            atomic_store(&was_used, 1);
            return (int)syscall(SYS_bind, descriptor, &fixed, (socklen_t)sizeof(fixed));
        }
    }
    return (int)syscall(SYS_bind, descriptor, address, length);
}

int fixed_port_is_free(uint16_t port) {
    struct sockaddr_in address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return 0;
    allow_lingering(descriptor);
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int result = (int)syscall(SYS_bind, descriptor, &address, (socklen_t)sizeof(address));
    close(descriptor);
    return result == 0;
}
