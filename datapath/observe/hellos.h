/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which connections are in a TLS handshake with the same ClientHello. A TCP proxy repeats the bytes
 * of one TLS session on a second connection; both connections need the same secrets. Bounded: the
 * least recently used session makes room. Private. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Connections per session; further ones are not registered. */
#define HELLOS_MAX_CONNECTIONS 8

struct hellos;

/* Room for |capacity| sessions. NULL when memory is short. */
struct hellos *hellos_new(uint32_t capacity, uint64_t seed);
void hellos_free(struct hellos *h);

/* A connection showed a ClientHello with this random. Returns its ticket, 0 when the session has
 * too many connections already. *ret_forgot: the least recently used session made room, and its
 * client random is in |ret_forgotten|. */
uint64_t hellos_add(struct hellos *h, const uint8_t client_random[32], uint8_t ret_forgotten[32],
		    bool *ret_forgot);

/* The connection with this ticket needs no secret any more. */
void hellos_leave(struct hellos *h, const uint8_t client_random[32], uint64_t ticket);

/* One bit for each registered connection of the session. */
uint8_t hellos_present(const struct hellos *h, const uint8_t client_random[32]);

/* The bit of one connection; 0 when it is not registered (any more). */
uint8_t hellos_bit(const struct hellos *h, const uint8_t client_random[32], uint64_t ticket);
