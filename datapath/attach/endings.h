/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends connections that live and may not go on: those that a policy with end_connections denies
 * now, and those to an endpoint that was ejected and is to be left. The kernel half finds them
 * (bpf/socket/endings.bpf.c), here they are ended. At most ENDINGS_MAX at a time, so that whoever
 * runs it stays free for other work. TCP only. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdint.h>

#define ENDINGS_MAX 1024u

struct attach;
struct endings;

struct endings_counts {
	uint64_t ended;	 /* connections */
	uint64_t failed; /* attempts to end an end of a connection */
};

/* |a| must outlive it. 0, -ENOENT when this kernel does not load the walk (or |a| has no mesh), or
 * a negative errno, with |err|. Free with endings_free. */
int endings_new(struct attach *a, struct endings **ret, struct error *err);
void endings_free(struct endings *e);

/* A generation came into force, or an endpoint was ejected: connections are looked at soon, and
 * once more a second later, for those that were being made meanwhile. */
void endings_want(struct endings *e, uint64_t now_ns);

/* Readable when endings_handle has work. */
int endings_fd(const struct endings *e);

/* |ended| (may be NULL) is told of each connection that was ended, once. */
void endings_handle(struct endings *e, uint64_t now_ns,
		    void (*ended)(void *arg, const struct weft_verdict *v), void *arg);

const struct endings_counts *endings_counts(const struct endings *e);

/* What keeps it from ending some connections; empty: nothing. */
const char *endings_limits(const struct endings *e);

/* Why the latest that could not be ended was not; empty: all could. */
const char *endings_problem(const struct endings *e);
