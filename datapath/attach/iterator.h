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

/* Runs it to the end, or until |event| (NULL: nobody) returns non-zero. 0 or a negative errno;
 * -ENOENT when |link| is NULL. */
int iterator_read(struct bpf_link *link, attach_event_fn event, void *arg);

/* Runs to its end a walk over files whose program says one byte of each. The kernel holds a file
 * while the program looks at it, and lets go of all when the read returns: what its process closes
 * meanwhile is not closed before (no FIN, and epoll still tells of it). So each read is of a few
 * files. 0 or a negative errno; -ENOENT when |link| is NULL. */
int iterator_pass(const struct bpf_link *link);
