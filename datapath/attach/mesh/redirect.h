/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Acceleration: data of connections between two local ends of selected services goes from socket to
 * socket, bypassing TCP. A self-test runs on the kernel before the first socket of another program
 * is enrolled. */
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
struct repin;

#define REDIRECT_SERVICES_MAX 4096 /* entries of weft_accel */

/* A service address: key and WEFT_ACCEL_* flags. */
struct redirect_service {
	struct weft_accel_key key;
	uint32_t flags;
};

/* Reads "1.2.3.4:80", "[::1]:80" or ":80" (any address). 0 or -EINVAL. */
int redirect_service_parse(const char *text, struct redirect_service *ret);

/* Before |object| is loaded, without acceleration: its programs are not loaded, and its maps take
 * no memory. */
void redirect_leave_out(struct bpf_object *object);

/* Attaches the programs below |cgroup_path| and tests them with a connection of its own (about half
 * a second); adopts what an earlier agent of this build tested and left attached. 0; -ENOTSUP when
 * this kernel fails the test or does not load the programs, -ENOMEM, or the kernel's error; then
 * nothing is attached and |err| has the reason. */
int redirect_new(const struct attach *a, const char *cgroup_path, struct redirect **ret,
		 struct error *err);

/* See datapath/attach/core/repin.h. */
void redirect_repin(const struct redirect *r, struct repin *repin);

/* Frees |r|; what is pinned stays. */
void redirect_free(struct redirect *r);

/* Accelerates |services|, from the next connection on. Existing connections are not changed. 0 or a
 * negative errno: the list is then only partly updated. */
int redirect_set(struct redirect *r, const struct redirect_service *services, size_t count,
		 struct error *err);

/* Ways to read that do not work with redirected bytes on this kernel; empty: the test found
 * none. */
const char *redirect_limits(const struct redirect *r);

/* The number of sockets enrolled now. */
uint64_t redirect_sockets(const struct redirect *r);

/* Before the next build begins: detaches the programs of the build below |map_dir|, and keeps its
 * map of sockets (pins_retire_sockets). */
void redirect_end(const char *map_dir, const char *pin_dir);
