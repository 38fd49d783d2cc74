/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Executable mappings from the kernel's perf events. */
#pragma once

#include "datapath/attach/tls/mapping.h"

struct mapping_events;

/* Opens one event per CPU, which begin to collect at once. Needs CAP_PERFMON, and CAP_SYS_ADMIN
 * where kernel.perf_event_paranoid is 3 (Debian's kernels). 0, -EPERM or -EACCES (not allowed),
 * -ENOMEM, -EMFILE or what perf_event_open says. CPUs that come online later are not watched. */
int mapping_events_new(struct mapping_events **ret, struct error *err);
void mapping_events_free(struct mapping_events *m);

/* Like mappings_fd and mappings_handle. */
int mapping_events_fd(const struct mapping_events *m);
uint64_t mapping_events_handle(struct mapping_events *m, mapping_visit *visit, void *arg);
