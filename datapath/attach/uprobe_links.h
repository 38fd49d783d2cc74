/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One uprobe on one place of one file, for all processes: attached, pinned and adopted. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct bpf_link;
struct bpf_program;

/* The same program for both ways to attach; only one needs to be loaded, the other may be NULL. */
struct uprobe_programs {
	struct bpf_program *multi; /* uprobe_multi link: Linux 6.6, needs CAP_BPF and CAP_PERFMON */
	struct bpf_program *single; /* perf event: needs CAP_SYS_ADMIN on newer kernels */
};

/* Whether this kernel has uprobe_multi links: decides which program to load. */
bool uprobe_multi_supported(void);

#define UPROBE_PLACES_MAX 3

/* Places of one file, and what the program is told there. */
struct uprobe_places {
	uint64_t offsets[UPROBE_PLACES_MAX]; /* in the file */
	unsigned count;
	uint64_t cookie;
};

/* How many links these places take: the one way to attach takes them all in one. */
unsigned uprobe_link_count(const struct uprobe_programs *programs,
			   const struct uprobe_places *places);

/* Puts link |number| of them on the file |fd| in every process, now and later. The caller vouches
 * that an instruction begins at each place. The file is held by the link; |fd| may be closed. 0 or
 * libbpf's errno. The caller frees with uprobe_link_close. */
int uprobe_link_attach(const struct uprobe_programs *programs, int fd,
		       const struct uprobe_places *places, unsigned number, struct bpf_link **ret,
		       struct error *err);

/* Takes over the link pinned at |path| if it runs this very program into the same ring (map
 * weft_ring). 0; -ENOENT: nothing is pinned there; -ESTALE: the pin is of another
 * program or ring. */
int uprobe_link_adopt(const struct uprobe_programs *programs, const char *path,
		      struct bpf_link **ret);

/* Pins |link| at |path|, in place of what is pinned there. 0 or a negative errno; the link stays
 * valid. */
int uprobe_link_pin(struct bpf_link *link, const char *path);

/* Gives |link| (may be NULL) back. The probe goes away with it unless it is pinned and |keep| is
 * true. */
void uprobe_link_close(struct bpf_link *link, bool keep);
