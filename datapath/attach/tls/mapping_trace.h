/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Executable mappings from the BPF program code_mapped: no perf event is opened, and CPUs that come
 * online later are seen too. */
#pragma once

#include "datapath/attach/tls/mapping.h"

#include <stdbool.h>

/* Whether this kernel attaches programs to the function that code_mapped needs: decides whether to
 * load it. Takes some tens of milliseconds, mostly to read the kernel's BTF. */
bool mapping_trace_supported(void);

struct mapping_trace;

/* Attaches the program, until mapping_trace_free. 0, -ENOENT: |source| has no loaded program,
 * -ENOMEM, -EMFILE or the kernel's error. */
int mapping_trace_new(const struct mappings_source *source, struct mapping_trace **ret,
		      struct error *err);
void mapping_trace_free(struct mapping_trace *t);

/* Like mappings_fd and mappings_handle. */
int mapping_trace_fd(const struct mapping_trace *t);
uint64_t mapping_trace_handle(struct mapping_trace *t, mapping_visit *visit, void *arg);
