/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The name of a container, from its runtime's state file. Pure. */
#pragma once

#include "datapath/observe/observe.h"

#define RUNTIME_NAME_MAX_BYTES (4u << 20) /* of a file */

/* Reads |text|: Docker's config.v2.json, the OCI specification that containerd keeps (with the
 * annotations of its CRI plugin or of nerdctl), or the list of containers of containers-storage
 * (Podman, CRI-O), and fills the workload of the container with this |id|, of a Pod also the
 * namespace. A Pod is called after what made it: without the random and the counted end of its
 * name. False: the file does not say it; |ret| is as it was. */
bool runtime_name_read(const char *text, size_t size_bytes, const char *id,
		       struct observe_names *ret);
