/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends established connections that may not continue: those that a policy with end_connections
 * denies now, and those to an endpoint that was ejected with close-ejected. The kernel half finds
 * them (bpf/socket/endings.bpf.c); here they are ended, at most ENDINGS_MAX per call, so that the
 * caller's loop is not blocked. TCP, and connected UDP sockets of removed endpoints. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdint.h>

#define ENDINGS_MAX 1024u

struct attach;
struct endings;

struct endings_counts {
	uint64_t ended;	 /* connections ended */
	uint64_t failed; /* failed attempts to end one end of a connection */
};

/* |a| must outlive it. 0, -ENOENT when this kernel does not load the iterator (or |a| has no mesh),
 * or a negative errno, with |err|. Free with endings_free. */
int endings_new(struct attach *a, struct endings **ret, struct error *err);
void endings_free(struct endings *e);

/* A generation came into force, or an endpoint was ejected: a walk follows soon, and another one a
 * second later for connections that were being made meanwhile. */
void endings_want(struct endings *e, uint64_t now_ns);

/* Readable when endings_handle has work. */
int endings_fd(const struct endings *e);

/* |ended| (may be NULL) is called once for each connection that was ended. */
void endings_handle(struct endings *e, uint64_t now_ns,
		    void (*ended)(void *arg, const struct weft_verdict *v), void *arg);

const struct endings_counts *endings_counts(const struct endings *e);

/* Why some connections cannot be ended; empty: no restriction. */
const char *endings_limits(const struct endings *e);

/* The error of the latest connection that could not be ended; empty: there was none. */
const char *endings_problem(const struct endings *e);
