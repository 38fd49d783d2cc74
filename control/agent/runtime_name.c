// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Parses the state files of container runtimes with jansson. */
#include "control/agent/runtime_name.h"

#include "base/slice.h"

#include <jansson.h>
#include <string.h>

#define SAFE	 "bcdfghjklmnpqrstvwxz2456789" /* generated names, k8s.io/apimachinery util/rand */
#define DIGITS	 "0123456789"
#define TAIL	 5 /* of a Pod's name */
#define HASH_MIN 8 /* of a ReplicaSet's */
#define HASH_MAX 10

/* ---- Pods */

/* Removes a final "-" with |min| to |max| characters of |set| from |*size|, if it is there and
 * something is left. */
static bool drop_tail(const char *name, size_t *size, const char *set, size_t min, size_t max)
{
	size_t n = 0;

	while (n < *size && n <= max && strchr(set, name[*size - n - 1]))
		n++;
	if (n < min || n > max || n + 1 >= *size || name[*size - n - 1] != '-')
		return false;
	*size -= n + 1;
	return true;
}

/* "web-5d4f8c7b9d-x2k9p" of a Deployment, "web-x2k9p" of a DaemonSet, "web-0" of a StatefulSet. */
static struct slice workload_of(const char *pod)
{
	size_t size = strlen(pod);

	if (drop_tail(pod, &size, SAFE, TAIL, TAIL))
		drop_tail(pod, &size, SAFE, HASH_MIN, HASH_MAX);
	else
		drop_tail(pod, &size, DIGITS, 1, TAIL);
	return (struct slice){pod, size};
}

static bool take_pod(const char *pod, struct slice namespace_name, struct observe_names *ret)
{
	if (!pod || !*pod || !namespace_name.size_bytes)
		return false;
	slice_copy(workload_of(pod), ret->workload, sizeof(ret->workload));
	slice_copy(namespace_name, ret->namespace_name, sizeof(ret->namespace_name));
	return true;
}

/* "k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT", as kubelet's own names are. */
static bool take_kubelet(const char *name, struct observe_names *ret)
{
	char pod[256];
	const char *at = strchr(name + 4, '_'), *ns, *end;

	ns = at ? strchr(at + 1, '_') : NULL;
	end = ns ? strchr(ns + 1, '_') : NULL;
	if (!end || (size_t)(ns - at) > sizeof(pod))
		return false;
	slice_copy((struct slice){at + 1, (size_t)(ns - at - 1)}, pod, sizeof(pod));
	return take_pod(pod, (struct slice){ns + 1, (size_t)(end - ns - 1)}, ret);
}

/* ---- files */

static bool take_name(const char *name, struct observe_names *ret)
{
	if (!name || !*name)
		return false;
	if (!strncmp(name, "k8s_", 4) && take_kubelet(name, ret))
		return true;
	slice_copy((struct slice){name, strlen(name)}, ret->workload, sizeof(ret->workload));
	return true;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool read_annotations(const json_t *a, struct observe_names *ret)
{
	const char *ns = text_of(a, "io.kubernetes.cri.sandbox-namespace");

	if (ns && take_pod(text_of(a, "io.kubernetes.cri.sandbox-name"),
			   (struct slice){ns, strlen(ns)}, ret))
		return true;
	return take_name(text_of(a, "nerdctl/name"), ret);
}

static bool read_docker(const json_t *root, const char *id, struct observe_names *ret)
{
	const char *name = text_of(root, "Name"), *own = text_of(root, "ID");

	return name && own && !strcmp(own, id) && take_name(name + (*name == '/'), ret);
}

static bool read_list(const json_t *list, const char *id, struct observe_names *ret)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *own = text_of(one, "id");

		if (own && !strcmp(own, id))
			return take_name(
				json_string_value(json_array_get(json_object_get(one, "names"), 0)),
				ret);
	}
	return false;
}

bool runtime_name_read(const char *text, size_t size_bytes, const char *id,
		       struct observe_names *ret)
{
	json_t *root = size_bytes <= RUNTIME_NAME_MAX_BYTES
			       ? json_loadb(text, size_bytes, JSON_DISABLE_EOF_CHECK, NULL)
			       : NULL;
	bool named = json_is_array(root)
			     ? read_list(root, id, ret)
			     : read_docker(root, id, ret) ||
				       read_annotations(json_object_get(root, "annotations"), ret);

	json_decref(root);
	return named;
}
