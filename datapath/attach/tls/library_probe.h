/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probes of one library: adopted from their pins, or attached and pinned. */
#pragma once

#include "datapath/attach/tls/library.h"
#include "datapath/attach/tls/uprobe_links.h"

/* Whether |lib| is probed at OPENSSL_LOG. */
bool library_probe_is_log(const struct library *lib);

/* Attaches the probes of |lib| to the file |fd|, and records whether they are pinned. |pin_dir| may
 * be NULL. 0, 1 if they were adopted, or the error of uprobe_link_attach. */
int library_probe_attach(const struct uprobe_programs *programs, const char *pin_dir, int fd,
			 struct library *lib, struct bpf_link *ret[UPROBE_PLACES_MAX],
			 struct error *err);

/* Whether |name| is a pin of |lib|. */
bool library_probe_is_pin(const struct library *lib, const char *name);

/* Removes our pins below |pin_dir| that are not in use; |is_used| may be NULL. Returns the number
 * removed, or a negative errno. */
typedef bool library_pin_is_used(void *arg, const char *name);
int library_probe_unpin(const char *pin_dir, library_pin_is_used *is_used, void *arg);
