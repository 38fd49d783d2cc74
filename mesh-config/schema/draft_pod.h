/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is read of a Pod. Part of mesh-config/schema/draft.h, which is what others include. */
#pragma once

#include "mesh-config/schema/schema.h"

struct draft_pod_owner {
	struct place at;
	const char *kind, *name;
};

struct draft_pod_metadata {
	struct place at;
	struct draft_list owners;
};

struct draft_pod_spec {
	struct place at;
	const char *service_account;
	bool host_network;
};

struct draft_pod_ip {
	struct place at;
	struct draft_address ip;
};

struct draft_pod_status {
	struct place at;
	struct draft_address ip; /* the first of |ips|, where those are given */
	struct draft_list ips;
	const char *phase;
};

struct draft_pod {
	struct place at;
	struct draft_pod_metadata *metadata;
	struct draft_pod_spec *spec;
	struct draft_pod_status *status;
};
