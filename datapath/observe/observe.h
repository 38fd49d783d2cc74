/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of the kernel half in, requests and connections out. Owns the connection table, the
 * secrets that wait for their connection, the identities and the loss account of this half. Pure:
 * time comes with the events and with observe_tick. */
#pragma once

#include "base/error.h"
#include "datapath/observe/counters.h"
#include "datapath/observe/listener.h"

struct observe;

struct observe_limits observe_limits_default(void);

/* NULL and |err| on short memory. Free with observe_free. */
struct observe *observe_new(const struct observe_limits *limits,
			    const struct observe_listener *listener, struct error *err);
void observe_free(struct observe *o);

/* One ring record (or one structure of the TCP iterator). Never fails: what cannot be used is
 * counted. */
void observe_event(struct observe *o, const void *record, size_t size_bytes);

/* Expires what waits, reports living connections; call about ten times a second. */
void observe_tick(struct observe *o, uint64_t now_ns);

const struct observe_counters *observe_counts(const struct observe *o);
