// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One table of names: options here, query keys there. */
#include "control/cli/filters.h"

#include <string.h>

static const char *const names[] = {
	"from", "to", "protocol", "status", "path", "method", "reporter", "verdict",
};

bool filters_take(struct client_url *url, int argc, char **argv, int *at)
{
	const char *option = argv[*at];

	if (strncmp(option, "--", 2) != 0 || *at + 1 >= argc)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(option + 2, names[i]) != 0)
			continue;
		client_url_add(url, names[i], argv[++*at]);
		return true;
	}
	return false;
}
