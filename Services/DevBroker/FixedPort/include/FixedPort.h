#ifndef FIXED_PORT_H
#define FIXED_PORT_H

#include <stdint.h>

/// From now on the next socket that is bound to port 0 of 127.0.0.1 gets `port` instead.
void fixed_port_arm(uint16_t port);

/// Ends that. Returns 1 when a socket got the port, else 0.
int fixed_port_disarm(void);

/// Whether 127.0.0.1:port can be bound now. Returns 1 when it can, else 0.
int fixed_port_is_free(uint16_t port);

#endif
