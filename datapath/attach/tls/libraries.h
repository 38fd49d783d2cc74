/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the files that derive TLS keys (OpenSSL's libssl and libcrypto, or an executable or library
 * that contains OpenSSL and exports the function) at the time a process maps them, and probes each
 * file once, for all processes. If libssl has a known key log site, that is probed, and the
 * libcrypto next to it is not, which would cost four times as much. */
#pragma once

#include "datapath/attach/tls/library.h"
#include "datapath/attach/tls/mapping.h"
#include "datapath/attach/tls/uprobe_links.h"

#include <stdbool.h>
#include <stdint.h>

#define LIBRARIES_MAX 256 /* files that are probed or reported; the oldest is evicted */

/* Minimum code size of a program that contains a TLS library; smaller files are examined by name
 * only. */
#define LIBRARY_CODE_MIN_BYTES (256u << 10)

/* Counters that never decrease. */
struct library_counts {
	uint64_t mappings; /* executable mappings seen */
	uint64_t examined; /* files opened and read */
	uint64_t probed;
	uint64_t adopted;   /* probes adopted from pins */
	uint64_t gone;	    /* the process or file was gone before it was opened */
	uint64_t foreign;   /* mappings of files on file systems that may not respond: not opened */
	uint64_t lost;	    /* mapping events the kernel could not store; each loss starts a scan */
	uint64_t rewritten; /* probed files that were written to: probe removed at once */
	uint64_t released;  /* deleted files that no process maps: released */
	uint64_t evicted;   /* files evicted to make room: no longer probed or reported */
};

struct libraries_options {
	struct uprobe_programs derives; /* for OPENSSL_DERIVE */
	struct uprobe_programs logs; /* for OPENSSL_LOG; both NULL: only OPENSSL_DERIVE is probed */
	struct mappings_source mappings;
	const char *pin_dir; /* existing directory on a bpffs, or NULL: probes end with the agent */
};

struct libraries;
struct repin;

/* Begins to watch; nothing is probed before libraries_scan or libraries_handle. 0, or what
 * mappings_new says, -ENOMEM, -EMFILE. |options| is copied except the programs, which must stay
 * loaded. */
int libraries_new(const struct libraries_options *options, struct libraries **ret,
		  struct error *err);

/* Probes libraries that are mapped now, adopts their pinned probes and removes our other pins. Call
 * once at start, after the programs are loaded. 0 or the errno of reading /proc. */
int libraries_scan(struct libraries *l);

/* Readable when libraries_handle has work. Handle at once: a program that starts maps its libraries
 * a few milliseconds before its first handshake. Owned by |l|. */
int libraries_fd(const struct libraries *l);
void libraries_handle(struct libraries *l);

/* (A probe holds its file. Deleted files that are no longer mapped are released when the next file
 * is probed; until then, and while mapped, they are held.) */

/* Retries files that were seen while descriptors were short or too many files waited; call it every
 * few seconds. */
void libraries_retry(struct libraries *l);

/* Pins probes again whose pins were removed (datapath/attach/core/repin.h). */
void libraries_repin(const struct libraries *l, struct repin *r);

/* Visits the known files, oldest first, then one file of each file system that may not respond and
 * is not read. |library| is borrowed. */
void libraries_visit(const struct libraries *l, library_visit *visit, void *arg);

/* The files that contain a TLS library and are not probed. */
struct stack_files;
struct stack_files *libraries_stacks(const struct libraries *l);

struct library_counts libraries_counts(const struct libraries *l);

/* Ends watching. Pinned probes stay when |keep_attached|, all others go. */
void libraries_free(struct libraries *l, bool keep_attached);
