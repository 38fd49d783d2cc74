/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Acceleration: connections between two local ends of chosen services go from socket to socket past
 * TCP. It is proven on the running kernel before the first socket of anybody else is enrolled. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attach;
struct bpf_object;
struct redirect;

#define REDIRECT_SERVICES_MAX 4096 /* entries of weft_accel */

/* A service address: key and WEFT_ACCEL_* flags. */
struct redirect_service {
	struct weft_accel_key key;
	uint32_t flags;
};

/* Reads "1.2.3.4:80", "[::1]:80" or ":80" (any address). 0 or -EINVAL. */
int redirect_service_parse(const char *text, struct redirect_service *ret);

/* Before |object| is loaded: nothing will be accelerated, and the maps for it take no memory. */
void redirect_leave_out(struct bpf_object *object);

/* Attaches the programs below |cgroup_path| and tries them with a connection of its own (about half
 * a second); what an earlier agent of this build left attached was proven and is adopted. 0;
 * -ENOTSUP when this kernel is not safe or its programs are not there, -ENOMEM, or what the kernel
 * said; then nothing is attached and |err| holds the reason. */
int redirect_new(const struct attach *a, const char *cgroup_path, struct redirect **ret,
		 struct error *err);

/* Lets go; what is pinned stays. */
void redirect_free(struct redirect *r);

/* Makes |services| the accelerated ones, from the next connection on. Connections that live keep
 * what they have. 0 or a negative errno: the list is then between the old and the new one. */
int redirect_set(struct redirect *r, const struct redirect_service *services, size_t count,
		 struct error *err);

/* What this kernel's redirected connections do not bear; empty when the proof found nothing. */
const char *redirect_limits(const struct redirect *r);

/* Sockets that are enrolled now. */
uint64_t redirect_sockets(const struct redirect *r);

/* Before the pins of a build below |map_dir| are removed: a socket that leaves its map loses what
 * it has not read. While there are enrolled ones their map is kept below |pin_dir|, and everything
 * they send goes by TCP. */
void redirect_retire(const char *map_dir, const char *pin_dir);

/* As redirect_retire, and what is attached is taken away: the next build may begin. */
void redirect_end(const char *map_dir, const char *pin_dir);

/* Removes maps of redirect_retire whose sockets have all ended. Returns how many are left. */
unsigned redirect_sweep(const char *pin_dir);
