/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends established connections that may not continue: those that a policy with end_connections
 * denies now, and those to an endpoint that was ejected with close-ejected. The kernel half finds
 * them (bpf/socket/revocation.bpf.c); here they are ended, at most REVOCATION_MAX per call, so that
 * the caller's loop is not blocked. TCP, and connected UDP sockets of removed endpoints. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdint.h>

#define REVOCATION_MAX 1024u

struct attach;
struct revocation;

struct revocation_counts {
	uint64_t ended;	 /* connections ended */
	uint64_t failed; /* failed attempts to end one end of a connection */
};

/* |a| must outlive it. 0, -ENOENT when this kernel does not load the iterator (or |a| has no mesh),
 * or a negative errno, with |err|. Free with revocation_free. */
int revocation_new(struct attach *a, struct revocation **ret, struct error *err);
void revocation_free(struct revocation *e);

/* A generation came into force, or an endpoint was ejected: a walk follows soon, and another one a
 * second later for connections that were being made meanwhile. */
void revocation_want(struct revocation *e, uint64_t now_ns);

/* Readable when revocation_handle has work. */
int revocation_fd(const struct revocation *e);

/* |ended| (may be NULL) is called once for each connection that was ended. */
void revocation_handle(struct revocation *e, uint64_t now_ns,
		       void (*ended)(void *arg, const struct weft_verdict *v), void *arg);

const struct revocation_counts *revocation_counts(const struct revocation *e);

/* Why some connections cannot be ended; empty: no restriction. */
const char *revocation_limits(const struct revocation *e);

/* The error of the latest connection that could not be ended; empty: there was none. */
const char *revocation_problem(const struct revocation *e);
