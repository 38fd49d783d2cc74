/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who workloads are, in numbers: namespaces, principals (namespace and service account) and classes
 * (namespace and labels). Policies are compiled against these alone, once per class, so that a new
 * workload like the others costs nothing. Numbers stay while the agent runs. */
#pragma once

#include "mesh-config/model/model.h"

struct identity_principal {
	const char *namespace_name;
	const char *service_account;
};

/* What selectors of policies and routes look at. */
struct identity_class {
	const char *namespace_name;
	const struct mesh_labels *labels;
};

/* Everything by number; a namespace_name NULL means that the number is free. */
struct identity_view {
	const char **namespaces;
	uint32_t namespace_count;
	struct identity_principal *principals;
	uint32_t principal_count;
	struct identity_class *classes;
	uint32_t class_count;
};

/* What policies are for each class of destinations: steps of the arena, 0 = none selects it.
 * |by_class| has identity_view.class_count elements, or is NULL: there are no policies. */
struct identity_policies {
	uint32_t *by_class;
};
