/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BPF iterators: programs that run when they are read, and write records as the ring has them. */
#pragma once

#include "datapath/attach/attach.h"

struct bpf_link;
struct bpf_program;

/* Whether the kernel loads iterators over a map of sockets. */
bool iterator_maps_supported(void);

/* |map_fd| -1: it is over no map. NULL: errno says why. */
struct bpf_link *iterator_attach(struct bpf_program *program, int map_fd);

/* Runs it to the end, or until |event| (NULL: none) returns non-zero. A walk over files is read
 * in small pieces, so that no file of others lives longer for it (bpf/abi_walk.h). 0 or a negative
 * errno; -ENOENT when |link| is NULL, -EPROTO when it wrote what is no record. */
int iterator_read(const struct bpf_link *link, attach_event_fn event, void *arg);
