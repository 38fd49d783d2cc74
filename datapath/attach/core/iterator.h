/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BPF iterators: programs that run when they are read, and write records in the ring's format. */
#pragma once

#include "datapath/attach/core/ring.h"

#include <stdbool.h>

struct bpf_link;
struct bpf_program;

/* Whether the kernel loads iterators over a map of sockets. */
bool iterator_maps_supported(void);

/* |map_fd| -1: the iterator has no map. NULL: errno has the reason. */
struct bpf_link *iterator_attach(struct bpf_program *program, int map_fd);

/* Runs it to the end, or until |event| (NULL: none) returns non-zero. An iterator over files is
 * read in small pieces, so that it does not delay the close of other programs' files
 * (bpf/abi_walk.h). 0 or a negative errno; -ENOENT when |link| is NULL, -EPROTO when the output is
 * not a record. */
int iterator_read(const struct bpf_link *link, ring_record_fn event, void *arg);
