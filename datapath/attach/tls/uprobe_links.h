/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Uprobes at places of one file, for all processes: attach, pin, adopt. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct bpf_link;
struct repin;
struct bpf_program;

/* The same program for both kinds of attachment; only one needs to be loaded, the other may be
 * NULL. */
struct uprobe_programs {
	struct bpf_program *multi; /* uprobe_multi link: Linux 6.6, needs CAP_BPF and CAP_PERFMON */
	struct bpf_program *single; /* perf event: needs CAP_SYS_ADMIN on newer kernels */
};

/* Whether this kernel has uprobe_multi links, which determines the program to load. */
bool uprobe_multi_supported(void);

#define UPROBE_PLACES_MAX 3

/* Places of one file, and the cookie for each. */
struct uprobe_places {
	uint64_t offsets[UPROBE_PLACES_MAX]; /* in the file */
	unsigned count;
	uint64_t cookie;
};

/* The number of links for these places: a uprobe_multi link covers all of them. */
unsigned uprobe_link_count(const struct uprobe_programs *programs,
			   const struct uprobe_places *places);

/* Attaches link |number| of them to the file |fd| in every process, present and future. The caller
 * guarantees that an instruction begins at each place. The link holds the file; |fd| may be closed.
 * 0 or libbpf's errno. The caller frees with uprobe_link_close. */
int uprobe_link_attach(const struct uprobe_programs *programs, int fd,
		       const struct uprobe_places *places, unsigned number, struct bpf_link **ret,
		       struct error *err);

/* Adopts the link pinned at |path| if it runs the same program with the same ring (map weft_ring).
 * 0; -ENOENT: no pin; -ESTALE: the pin has another program or ring. */
int uprobe_link_adopt(const struct uprobe_programs *programs, const char *path,
		      struct bpf_link **ret);

/* Pins |link| at |path|, replacing a former pin. 0 or a negative errno; the link stays valid. */
int uprobe_link_pin(struct bpf_link *link, const char *path);

/* Pins it again if its pin was removed (datapath/attach/core/repin.h); NULL: no effect. */
void uprobe_link_repin(struct bpf_link *link, struct repin *r);

/* Closes |link| (may be NULL). This removes the probe unless it is pinned and |keep| is true. */
void uprobe_link_close(struct bpf_link *link, bool keep);
