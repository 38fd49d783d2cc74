/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the files that derive TLS keys (OpenSSL's libssl and libcrypto, or an executable or library
 * with OpenSSL inside that exports the function) the moment a process maps them, and probes each
 * file once, for all processes. Where the secrets go through a known place of libssl that is
 * probed, and the libcrypto beside it is not: that would be four times as dear. */
#pragma once

#include "datapath/attach/library.h"
#include "datapath/attach/mapping.h"
#include "datapath/attach/uprobe_links.h"

#include <stdbool.h>
#include <stdint.h>

#define LIBRARIES_MAX                                                                              \
	256 /* files that are probed or reported; the one that was met first makes room */

/* A program with a TLS library inside has at least this much code; smaller files are known by name
 * only. */
#define LIBRARY_CODE_MIN_BYTES (256u << 10)

/* Never shrinking counters. */
struct library_counts {
	uint64_t mappings; /* executable mappings looked at */
	uint64_t examined; /* files opened and read */
	uint64_t probed;
	uint64_t adopted;   /* of those: taken over from pins */
	uint64_t gone;	    /* the process or file was gone before it could be opened */
	uint64_t foreign;   /* mappings of files on file systems that may not answer: not opened */
	uint64_t lost;	    /* mapping events the kernel could not store; each loss starts a scan */
	uint64_t rewritten; /* probed files that were written to: probe withdrawn at once */
	uint64_t released;  /* files that were deleted and are mapped by nobody: no longer held */
	uint64_t evicted;   /* files that made room for others: no longer probed or reported */
};

struct libraries_options {
	struct uprobe_programs derives; /* for OPENSSL_DERIVE */
	struct uprobe_programs logs;	/* for OPENSSL_LOG; both NULL: only the other is probed */
	struct mappings_source mappings;
	const char *pin_dir; /* existing directory on a bpffs, or NULL: probes end with the agent */
};

struct libraries;

/* Begins to watch; nothing is probed before libraries_scan or libraries_handle. 0, or what
 * mappings_new says, -ENOMEM, -EMFILE. Everything in |options| is copied but the programs, which
 * must stay loaded. */
int libraries_new(const struct libraries_options *options, struct libraries **ret,
		  struct error *err);

/* Probes what is mapped now, adopts pinned probes of such files and removes the other pins of ours.
 * Call once at start, after the programs are loaded. 0 or the errno of reading /proc. */
int libraries_scan(struct libraries *l);

/* Readable when libraries_handle has work. Handle at once: a program that starts maps its libraries
 * a few milliseconds before its first handshake. Owned by |l|. */
int libraries_fd(const struct libraries *l);
void libraries_handle(struct libraries *l);

/* (A probe keeps its file on disk. Files that were deleted and are no longer mapped are released
 * when the next file is probed; up to then, and for what is still mapped, they are held.) */

/* Looks at what was met while descriptors were short or too many files waited; every few seconds.
 */
void libraries_retry(struct libraries *l);

/* Visits the known files, in the order they were met, then a file of each file system that may not
 * answer and is not read. |library| is borrowed. */
void libraries_visit(const struct libraries *l, library_visit *visit, void *arg);

/* The files that are not probed and have TLS inside. */
struct stack_files;
struct stack_files *libraries_stacks(const struct libraries *l);

struct library_counts libraries_counts(const struct libraries *l);

/* Ends watching. Pinned probes stay when |keep_attached|, all others go. */
void libraries_free(struct libraries *l, bool keep_attached);
