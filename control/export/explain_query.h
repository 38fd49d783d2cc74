/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The decision of the policies about a connection given by the names of its ends: by the kernel
 * half if there is one, else by the model. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/mesh/where.h"
#include "mesh-config/compile/compile.h"
#include "mesh-config/policy/explain.h"

/* The kernel half, which decides by the generation in force. */
struct explain_kernel {
	const struct compile_names *names; /* of the mesh in question */
	/* Fills in the answer. 0 or a negative errno: then the model decides. */
	int (*evaluate)(void *arg, struct weft_explanation *explanation);
	/* The workloads at an address of this node, as where_find (datapath/attach/mesh/where.h).
	 */
	int (*where)(void *arg, const struct weft_where *where, struct weft_place *ret);
	void *arg;
};

/* What is known about the target's address. */
enum explained_target {
	EXPLAINED_MESH,	       /* its workload, or that no workload has it */
	EXPLAINED_FILES,       /* no workload has it; files do not say whether a program is one */
	EXPLAINED_LISTENERS,   /* no workload has it; these listen there */
	EXPLAINED_NO_LISTENER, /* no workload has it, but this node; nothing listens there */
	EXPLAINED_ELSEWHERE,   /* neither a workload nor this node has it */
};

/* A listener at an address that no workload has. */
struct explained_listener {
	struct weft_place place;
	struct explain_question pair;
	struct weft_policy_answer answer;
};

struct explained {
	uint16_t port;
	enum explained_target target;
	struct explain_question pair;	  /* that |answer| is about */
	struct weft_policy_answer answer; /* WEFT_ACTION_OPEN: it depends */
	bool differs;			  /* on which of several ends it is */
	bool several;			  /* denied: the source may be several workloads */
	struct explained_listener *listeners;
	size_t listener_count;
};

/* As explain_write. Free with explained_free, whatever it returns. */
int explain_find(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		 const char *to, const char *port, struct explained *ret, struct error *err);
void explained_free(struct explained *e);
