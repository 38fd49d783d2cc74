/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line of weftd. */
#pragma once

#include "datapath/attach/mesh/redirect.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_INTERFACES_MAX 32
#define OPTIONS_ACCELERATE_MAX 64

enum tls_mode { TLS_MODE_KEYS, TLS_MODE_OFF };

struct options {
	const char *listen;				/* ADDR:PORT of metrics; empty: none */
	const char *socket_path;			/* of the API */
	const char *pin_dir;				/* empty: nothing is pinned */
	const char *config_dir;				/* of the mesh; NULL: none */
	const char *interfaces[OPTIONS_INTERFACES_MAX]; /* names or globs; none: the default */
	unsigned interface_count;
	const char *xdp_mode;
	enum tls_mode tls;
	bool names_by_id;    /* containers are called by their ids */
	const char *cluster; /* of the workloads here, in Istio's labels */
	uint32_t ring_bytes;
	uint32_t connections; /* 0 = the default */
	uint32_t recent;      /* requests kept; 0 = the default */
	struct redirect_service accelerate[OPTIONS_ACCELERATE_MAX];
	unsigned accelerate_count;
	bool layer4_only;
	bool flows;
	bool statistics; /* run times of BPF programs */
	bool verify;	 /* accounts of connections */
	bool once;
};

/* Fills |ret| from the arguments (borrowed). Returns -1 to go on, else the exit code: --help and
 * --version printed what was asked for (0), a mistake was explained on stderr (2). */
int options_parse(int argc, char **argv, struct options *ret);
