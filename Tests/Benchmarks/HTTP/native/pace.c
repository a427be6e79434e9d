// A calm client: one keep-alive connection that asks at a fixed rate and measures each answer from
// the moment its request was due, so a server that stalls is not spared the requests that waited.
// cc -O2 -o pace pace.c; pace PORT RATE SECONDS; prints counts and microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int connectTo(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct timeval patience = {.tv_sec = 10};
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    close(descriptor);
    return -1;
}

// 1: answered; 0: answered, and the server ends the connection; -1: no answer.
static int ask(int descriptor, const char *request) {
    if (send(descriptor, request, strlen(request), MSG_NOSIGNAL) < 0) return -1;
    char buffer[8192];
    size_t count = 0;
    while (count < sizeof buffer - 1) {
        ssize_t got = recv(descriptor, buffer + count, sizeof buffer - 1 - count, 0);
        if (got <= 0) return -1;
        count += (size_t)got;
        buffer[count] = 0;
        char *body = strstr(buffer, "\r\n\r\n");
        char *length = body ? strcasestr(buffer, "\r\ncontent-length:") : 0;
        if (!length || length > body) continue;
        if (count < (size_t)(body + 4 - buffer) + (size_t)atol(length + 17)) continue;
        if (strncmp(buffer, "HTTP/1.1 200 ", 13) != 0) return -1;
        *body = 0;
        return strcasestr(buffer, "\r\nconnection: close") ? 0 : 1;
    }
    return -1;
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "pace PORT RATE SECONDS\n");
        return 2;
    }
    int port = atoi(arguments[1]), rate = atoi(arguments[2]);
    long total = (long)rate * atoi(arguments[3]), failed = 0;
    int64_t *taken = calloc((size_t)total, sizeof *taken);
    if (!taken || total == 0) return 2;
    char request[256];
    snprintf(request, sizeof request, "GET /json HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", port);
    int descriptor = connectTo(port);
    int64_t start = now();
    for (long i = 0; i < total; i++) {
        int64_t due = start + i * 1000000000LL / rate;
        struct timespec wait = {due / 1000000000LL, due % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wait, 0);
        if (descriptor < 0) descriptor = connectTo(port);
        int answered = descriptor < 0 ? -1 : ask(descriptor, request);
        taken[i] = now() - due;
        if (answered < 0) failed++;
        if (answered <= 0 && descriptor >= 0) {
            close(descriptor);
            descriptor = -1;
        }
    }
    qsort(taken, (size_t)total, sizeof *taken, compare);
    printf("requests %ld\nfailed %ld\np50 %lld\np99 %lld\nmax %lld\n", total, failed,
           (long long)taken[total / 2] / 1000, (long long)taken[total * 99 / 100] / 1000,
           (long long)taken[total - 1] / 1000);
    return 0;
}
