// The floor: what one thread on epoll costs that parses no more than the request line and sends
// bytes made at its start. cc -O2 -o floor floor.c; floor PORT FILE, FILE holding the body.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { bufferMax = 4096, descriptorsMax = 65536, eventsMax = 512 };

// A connection that is idle owns nothing but this; bytes are kept only for a request cut in two.
struct Connection {
    char *kept;
    size_t count;
};

static struct Connection connections[descriptorsMax];
static char response[8192], missing[128];
static size_t responseCount, missingCount;

static void end(int descriptor) {
    free(connections[descriptor].kept);
    connections[descriptor] = (struct Connection){0};
    close(descriptor);
}

// How many bytes the first request of the buffer has, 0 when it is not complete. Bodies are not
// looked for: the load sends GETs.
static size_t requestLength(const char *bytes, size_t count) {
    const char *last = memmem(bytes, count, "\r\n\r\n", 4);
    return last ? (size_t)(last - bytes) + 4 : 0;
}

static int isWanted(const char *bytes, size_t count) {
    static const char line[] = "GET /json HTTP/1.1\r\n";
    return count >= sizeof line - 1 && memcmp(bytes, line, sizeof line - 1) == 0;
}

static void answer(int descriptor, char *buffer, size_t count) {
    struct Connection *connection = &connections[descriptor];
    size_t offset = 0, length;
    while ((length = requestLength(buffer + offset, count - offset))) {
        int wanted = isWanted(buffer + offset, length);
        const char *bytes = wanted ? response : missing;
        size_t size = wanted ? responseCount : missingCount;
        if (send(descriptor, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
            end(descriptor);
            return;
        }
        offset += length;
    }
    size_t left = count - offset;
    if (left == 0) {
        free(connection->kept);
        *connection = (struct Connection){0};
        return;
    }
    if (!connection->kept) connection->kept = malloc(bufferMax);
    if (!connection->kept || left == bufferMax) {
        end(descriptor);
        return;
    }
    memcpy(connection->kept, buffer + offset, left);
    connection->count = left;
}

static void readFrom(int descriptor) {
    struct Connection *connection = &connections[descriptor];
    char buffer[bufferMax];
    size_t count = connection->count;
    if (count) memcpy(buffer, connection->kept, count);
    ssize_t got = recv(descriptor, buffer + count, bufferMax - count, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        end(descriptor);
        return;
    }
    answer(descriptor, buffer, count + (size_t)got);
}

static void acceptFrom(int listener, int poller) {
    int descriptor;
    while ((descriptor = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (descriptor >= descriptorsMax) {
            close(descriptor);
            continue;
        }
        int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) close(descriptor);
    }
}

static int listenOn(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0
        || listen(listener, 4096) < 0) {
        perror("listen");
        exit(1);
    }
    return listener;
}

static void prepare(const char *path) {
    char body[4096];
    FILE *file = fopen(path, "r");
    size_t count = file ? fread(body, 1, sizeof body, file) : 0;
    if (count == 0) {
        fprintf(stderr, "no body in %s\n", path);
        exit(1);
    }
    fclose(file);
    responseCount = (size_t)snprintf(
        response, sizeof response,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", count);
    memcpy(response + responseCount, body, count);
    responseCount += count;
    missingCount = (size_t)snprintf(
        missing, sizeof missing, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "floor PORT FILE\n");
        return 2;
    }
    prepare(arguments[2]);
    int listener = listenOn(atoi(arguments[1])), poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
    while (1) {
        struct epoll_event events[eventsMax];
        int ready = epoll_wait(poller, events, eventsMax, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) acceptFrom(listener, poller);
            else readFrom(events[i].data.fd);
        }
    }
}
